import { readFile } from 'node:fs/promises';
import { decodePem } from '@sigstead/formats';
import { LogError } from '../core/errors.ts';
import type { RootSource } from './source.ts';

/** How long a changed file may go unnoticed. */
const EVERY_MS = 5000;
const MAX_BYTES = 4 * 2 ** 20;

/** Certificates of a PEM file that the operator keeps. */
export function fileRoots(path: string): RootSource {
  return { name: path, everyMs: EVERY_MS, lasting: false, remote: false, read: (signal) => readPem(path, signal) };
}

/**
 * The root of a CA whose chain stands in a PEM file, its own certificate first: followed when the CA is given another
 * chain, while those that were issued under the one before may still come.
 */
export function chainFileRoots(path: string): RootSource {
  return {
    name: path,
    everyMs: EVERY_MS,
    lasting: true,
    remote: false,
    read: async (signal) => (await readPem(path, signal)).slice(-1),
  };
}

async function readPem(path: string, signal: AbortSignal): Promise<Uint8Array[]> {
  const text = await readFile(path, { encoding: 'utf8', signal });
  const blocks = decodePem(text, { maxChars: MAX_BYTES, maxBlocks: 1000 });
  const other = blocks.find(({ label }) => label !== 'CERTIFICATE');
  if (other !== undefined) throw new LogError('misconfigured', `it holds a ${other.label}`);
  return blocks.map(({ bytes }) => bytes);
}
