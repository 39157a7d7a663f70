import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { formatCheckpointBody, formatNote, noteKeyHash, publicKeyFromSpki, signatureLine } from '@sigstead/formats';
import { entryBundlePath, TILE_WIDTH, tilePath } from '@sigstead/merkle';
import { hasher } from './test-log.ts';

export const ORIGIN = 'log.example.com';
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const KEY_PEM = keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const key = publicKeyFromSpki(keys.publicKey.export({ type: 'spki', format: 'der' }));

/** A checkpoint of this file's key. */
export function checkpointText(size: number, root: Uint8Array, origin = ORIGIN): string {
  const body = formatCheckpointBody({ origin, size, root, extensions: [] });
  const signature = sign('sha256', Buffer.from(body), keys.privateKey);
  return formatNote(body, [signatureLine(origin, noteKeyHash(origin, key), signature)]);
}

/** Bytes of a bundle. */
export function bundleOf(entries: readonly Uint8Array[]): Buffer {
  return Buffer.concat(entries.flatMap((e) => [Buffer.of(e.length >> 8, e.length & 255), e]));
}

/** All resources of the tree over the entries, by path: level by level, nothing shared with what is tested. */
export function treeFiles(entries: readonly Uint8Array[]): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const [index, part] of chunks(entries).entries()) {
    files.set(entryBundlePath({ index, width: part.length }), bundleOf(part));
  }
  let row = entries.map((entry) => hasher.leaf(entry));
  for (let level = 0; row.length > 0; level++) {
    const tiles = chunks(row);
    for (const [index, part] of tiles.entries()) {
      files.set(tilePath({ level, index, width: part.length }), Buffer.concat(part));
    }
    row = tiles.filter((part) => part.length === TILE_WIDTH).map(rootOf);
  }
  files.set('checkpoint', Buffer.from(checkpointText(entries.length, rootOf(entries.map((e) => hasher.leaf(e))))));
  return files;
}

/** SPEC: RFC 6962 §2.1, word by word. */
export function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves;
  if (first === undefined) return hasher.empty();
  if (leaves.length === 1) return first;
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  return hasher.node(rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)));
}

function chunks<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / TILE_WIDTH) }, (_, i) =>
    items.slice(i * TILE_WIDTH, (i + 1) * TILE_WIDTH),
  );
}

/** The golden entries: the number of each as text. */
export function goldenEntries(size: number): Buffer[] {
  return Array.from({ length: size }, (_, i) => Buffer.from(String(i)));
}

let folders = 0;

/** Folders of one test file, removed with it. */
export class Folders {
  readonly #made: string[] = [];

  /** Writes the files, and names the folder. */
  readonly lay = async (files: ReadonlyMap<string, Uint8Array>): Promise<string> => {
    const folder = join(tmpdir(), `sigstead-fsck-${process.pid}-${folders++}`);
    await mkdir(folder);
    this.#made.push(folder);
    for (const [path, bytes] of files) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), bytes);
    }
    return folder;
  };

  async remove(): Promise<void> {
    await Promise.all(this.#made.map((folder) => rm(folder, { recursive: true })));
  }
}

/** All files below a folder, for the test that nothing was written. */
export async function filesBelow(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
}
