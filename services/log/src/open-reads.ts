import type { PlacedTile, TreeHasher } from '@sigstead/merkle';
import type { Clock, Logger, Metrics } from '@sigstead/platform';
import type { LogStore, Personality } from './core/ports.ts';
import type { LeafRecord } from './core/records.ts';
import { halted } from './core/state.ts';
import type { Tree } from './engine/tree.ts';
import { type AnswerReads, RECENT_ENTRIES, RECENT_TILES_BYTES } from './read/answers.ts';
import { type Archive, ArchiveReader } from './read/archive.ts';
import { EntrySource } from './read/entry-source.ts';
import { LeafIndex } from './read/leaf-index.ts';
import { LoadGate } from './read/load-gate.ts';
import { type LogReader, logReader } from './read/log-reader.ts';
import { readObserver } from './read/observer.ts';
import { TileSource } from './read/tile-source.ts';

/** What answering reads is made of, beside the log itself. */
export interface ReadOptions {
  /** Through connections that sequencing does not use. Default: the log's own store. */
  store?: Pick<LogStore, 'records' | 'tiles' | 'findLeaf'>;
  /** As wide as those connections; shared by the logs that share them. */
  gate?: LoadGate;
  /** Full tiles and bundles beside the database. For kinds that keep no bytes beside the leaf. */
  archive?: Archive;
  /** Where what was found is told; without it nobody but the caller of a read hears of damage. */
  metrics?: Metrics;
}

export interface LogReads {
  readonly tiles: TileSource;
  readonly entries: EntrySource;
  readonly reader: LogReader;
  readonly answers: AnswerReads;
  /** Takes over what was just published. */
  offer(firstIndex: number, records: readonly LeafRecord[], fullTiles: readonly PlacedTile[]): void;
}

/** The read path of an open log. Damage that contradicts the tree stops the log. */
export function openReads(options: {
  name: string;
  hasher: TreeHasher;
  personality: Personality;
  tree: Tree;
  reads: ReadOptions;
  /** Used unless `reads` has another one. */
  store: LogStore;
  clock: Clock;
  logger: Logger;
  budgetBytes: number;
  checkpointAgeMs?: number | undefined;
  /** Whether answers to entries are not made of what was just written. */
  isWitnessed: boolean;
}): LogReads {
  const { name, hasher, personality, tree, reads, clock, logger, budgetBytes } = options;
  const { store = options.store, gate = new LoadGate(), metrics } = reads;
  const onDamage = (detail: string): void => tree.halt(halted(detail));
  const observer = metrics === undefined ? undefined : readObserver({ log: name, logger, metrics, onDamage });
  const archive = reads.archive === undefined ? undefined : archiveReader(reads.archive, { clock, logger });
  const from = { hasher, store, gate, archive, observer, budgetBytes };
  const tiles = new TileSource(from);
  const entries = new EntrySource({ ...from, tiles });
  const leaves = new LeafIndex({ store, gate });
  const age = options.checkpointAgeMs === undefined ? {} : { checkpointAgeMs: options.checkpointAgeMs };
  const sources = { hasher, tree, entries, leaves, observer, ...age };
  const recent = new TileSource({ hasher, store: options.store, observer, budgetBytes: RECENT_TILES_BYTES });
  return {
    tiles,
    entries,
    reader: logReader({ ...sources, tiles }),
    answers: { recent: RECENT_ENTRIES, tiles: recent, reader: logReader({ ...sources, tiles: recent }) },
    offer(firstIndex, records, fullTiles) {
      tiles.offer(fullTiles);
      if (options.isWitnessed) recent.offer(fullTiles);
      entries.offer(firstIndex, records);
      if (!personality.findsByLeafHash) return;
      leaves.offer(
        firstIndex,
        records.map(({ leaf }) => hasher.leaf(leaf)),
      );
    },
  };
}

function archiveReader(archive: Archive, { clock, logger }: { clock: Clock; logger: Logger }): ArchiveReader {
  const onFailure = (error: unknown): void =>
    logger.warn({ error }, 'the exported copy cannot be read; the database is read instead for a while');
  return new ArchiveReader({ archive, nowMs: () => clock.nowMs(), onFailure });
}
