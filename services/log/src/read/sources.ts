import type { TreeHasher } from '@sigstead/merkle';
import type { LogStore } from '../core/ports.ts';
import type { ArchiveReader } from './archive.ts';
import { DamagedRead } from './damaged.ts';
import type { LoadGate } from './load-gate.ts';

/** What reading looks like from outside. */
export interface ReadObserver {
  /** Something that was not in memory was read, and proven. */
  loaded(from: 'archive' | 'database'): void;
  /** What stood in the archive is not what the tree holds; the database was asked instead. */
  archiveDiffers(detail: string): void;
  /** What the store holds contradicts the signed tree. */
  damaged(error: DamagedRead): void;
}

/** Where things come from that are not in memory. */
export interface ColdSources<S extends keyof LogStore> {
  hasher: TreeHasher;
  store: Pick<LogStore, S>;
  /** Asked first. */
  archive?: ArchiveReader | undefined;
  /** Shared by all that read through the same connections. */
  gate?: LoadGate | undefined;
  observer?: ReadObserver | undefined;
  /** Bytes kept in memory, what is being loaded included. */
  budgetBytes: number;
}

/** Reads of the store that did not fit the tree are made once more before anybody is told. */
const LOOKS = 2;

/** Runs `look` until it gives something that fits; throws DamagedRead of the last attempt. */
export async function provenLook<T>(
  observer: ReadObserver | undefined,
  look: () => Promise<T | DamagedRead>,
): Promise<T> {
  for (let looks = 1; ; looks++) {
    const found = await look();
    if (!(found instanceof DamagedRead)) return found;
    if (looks < LOOKS) continue;
    observer?.damaged(found);
    throw found;
  }
}
