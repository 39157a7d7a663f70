import { tilesForSize } from '@sigstead/merkle';
import { LogError } from '../core/errors.ts';
import type { LogStore, StoredHead } from '../core/ports.ts';
import { asContradiction, nameHead } from '../core/state.ts';

/** A log without entries has nothing that could have been lost. Throws `misconfigured`. */
export function checkNewMark(head: StoredHead, newMark: { atLeast: number } | undefined): void {
  if (head.size === 0) return;
  if (newMark === undefined) {
    const text = `it has ${head.size} entries and no high-water mark: whether the database was set back cannot be known`;
    throw new LogError('misconfigured', text);
  }
  if (head.size >= newMark.atLeast) return;
  const text = `the database has ${nameHead(head)}, less than the ${newMark.atLeast} entries there must be: it was set back`;
  throw new LogError('misconfigured', text);
}

/** Bytes of the partial tiles of a tree: leaf hashes at the bottom, roots of the full tiles below on other levels. Throws `halted`. */
export async function loadPartials(store: LogStore, size: number): Promise<Uint8Array[]> {
  return Promise.all(
    tilesForSize(size).map(async ({ level, fullTiles, partialWidth }) => {
      if (partialWidth === 0) return new Uint8Array(0);
      const range = { begin: fullTiles * 256, end: fullTiles * 256 + partialWidth };
      return Buffer.concat(await (level === 0 ? store.leafHashes(range) : store.tileRoots(level - 1, range)));
    }),
  ).catch(asContradiction);
}
