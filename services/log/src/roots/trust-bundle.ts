import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { decodePem, type JsonObject, type JsonValue, member, parseJson } from '@sigstead/formats';
import { LogError } from '../core/errors.ts';
import type { RootSource } from './source.ts';

const EVERY_MS = 60_000;
const MAX_BYTES = 2 ** 20;
const MAX_CHAINS = 100;

/** Gives the body of a GET, or throws. */
export type FetchBytes = (url: URL, options: { signal: AbortSignal; maxBytes: number }) => Promise<Uint8Array>;

/**
 * The roots of a CA as it publishes them: the last certificate of each chain of its trust bundle. `url` is that of the
 * bundle itself. SPEC: fulcio.proto, GetTrustBundle
 */
export function trustBundleRoots(options: { url: URL; fetchBytes: FetchBytes }): RootSource {
  const { url, fetchBytes } = options;
  return {
    name: url.href,
    everyMs: EVERY_MS,
    lasting: true,
    remote: true,
    read: async (signal) => rootsOfBundle(await fetchBytes(url, { signal, maxBytes: MAX_BYTES })),
  };
}

/** Throws `misconfigured`, DerError, FormatError. */
export function rootsOfBundle(body: Uint8Array): Uint8Array[] {
  const parsed = parseJson(body, { maxDepth: 8, maxNodes: 10_000 }).value;
  const chains = parsed.kind === 'object' ? itemsOf(member(parsed, 'chains')) : [];
  if (chains.length === 0 || chains.length > MAX_CHAINS) throw bad('it has no chains, or too many');
  return chains.map((chain) => {
    if (chain.kind !== 'object') throw bad('a chain is no object');
    return rootOf(chain);
  });
}

function rootOf(chain: JsonObject): Uint8Array {
  const last = itemsOf(member(chain, 'certificates')).at(-1);
  if (last?.kind !== 'string') throw bad('a chain has no certificates');
  const block = decodePem(last.value).at(-1);
  if (block?.label !== 'CERTIFICATE') throw bad('a certificate is no PEM');
  return block.bytes;
}

function itemsOf(value: JsonValue | undefined): readonly JsonValue[] {
  return value?.kind === 'array' ? value.items : [];
}

/** One GET: no redirects, no more than `maxBytes`. `caCertificate`: PEM that TLS is trusted by instead of the system's. */
export function fetchOverNetwork(caCertificate?: string): FetchBytes {
  return async (url, { signal, maxBytes }) => {
    const response = await get(url, signal, caCertificate);
    if (response.statusCode !== 200) {
      response.destroy();
      throw bad(`it is answered with status ${response.statusCode}`);
    }
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of response as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > maxBytes) throw bad(`the answer is longer than ${maxBytes} bytes`);
      parts.push(part);
    }
    return Buffer.concat(parts);
  };
}

function get(url: URL, signal: AbortSignal, ca: string | undefined): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const options = { signal, agent: false as const, headers: { accept: 'application/json' } };
    const sent = request(url, ca === undefined ? options : { ...options, ca }, resolve);
    sent.on('error', reject);
    // Without this, a server that changes the protocol (101) ends the request with neither an answer nor an error.
    sent.on('upgrade', (_response, socket) => {
      socket.destroy();
      reject(bad('the server changed the protocol'));
    });
    sent.end();
  });
}

function bad(text: string): LogError {
  return new LogError('misconfigured', text);
}
