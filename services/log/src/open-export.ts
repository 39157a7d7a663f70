import path from 'node:path';
import type { Clock, Logger, Metrics } from '@sigstead/platform';
import { ExportAlarm } from './export/alarm.ts';
import { directoryStore, PRIVATE_FOLDER, prepareDirectory } from './export/directory-store.ts';
import { EXPORT_PACE, Exporter } from './export/exporter.ts';
import { fileLock } from './export/file-lock.ts';
import { systemFiles } from './export/files.ts';
import { exportMetrics } from './export/metrics.ts';
import type { ObjectStore } from './export/object-store.ts';
import type { Lease } from './export/lease.ts';
import type { S3Place } from './export/s3-requests.ts';
import { openS3Store } from './export/s3-store.ts';
import type { ExportSource } from './export/source.ts';
import type { Personality } from './core/ports.ts';
import { halted } from './core/state.ts';
import type { OpenLog } from './open-log.ts';
import { DamagedRead } from './read/damaged.ts';
import { EntrySource } from './read/entry-source.ts';
import { TileSource } from './read/tile-source.ts';
import { waitFor } from './wait.ts';

/** A place to which a log is exported: one log each. Any number of processes of that log may name the same one. */
export type ExportTarget = (
  | {
      kind: 'directory';
      /** Absolute path; made when it is missing. On a volume that has hard links and file locks. */
      folder: string;
    }
  | ({ kind: 's3' } & S3Place)
) & {
  /** At least this long from one export to the next, ms. Default 1,000. */
  intervalMs?: number;
};

/** Entries from the end of the tree that are likely to be in the memory the answers are made from. */
const RECENT_ENTRIES = 4096;

/** The exporter's own memory for what is older, so that copying a whole log does not empty the one of the answers. */
const CACHE_BYTES = 4 * 2 ** 20;

const LOCK_ATTEMPTS = 500;

/** Builds the exporter of an open log; nothing is read or written before it is started. */
export function openExport(options: {
  log: OpenLog;
  target: ExportTarget;
  personality: Personality;
  /** Owned by the exporter. */
  lease: Lease;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  /** Called with the target when it has been opened. */
  onTarget?: (target: ObjectStore) => void;
}): Exporter {
  const { log, target, lease, clock, logger, metrics } = options;
  return new Exporter({
    source: exportSource(log, options.personality),
    openTarget: async (ended) => {
      const opened = await openTarget(target, { clock, ended });
      options.onTarget?.(opened);
      return opened;
    },
    lease,
    // Everything that was published stays readable; nothing is signed any more.
    onAlarm: (alarm) => {
      if (alarm.stopsTheLog) log.tree.halt(halted(alarm.message));
    },
    logger,
    metrics: exportMetrics(metrics, log.name),
    clock,
    wait: waitFor,
    pace: { ...EXPORT_PACE, intervalMs: target.intervalMs ?? EXPORT_PACE.intervalMs },
  });
}

/** A running log as an exporter sees it. */
export function exportSource(log: OpenLog, personality: Personality): ExportSource {
  const { tree, store, hasher, publication } = log;
  const tiles = new TileSource({ hasher, store, budgetBytes: CACHE_BYTES });
  const older = new EntrySource({ hasher, store, tiles, budgetBytes: CACHE_BYTES });
  return {
    hasher,
    halted: () => tree.haltedBy !== undefined,
    published: () => publication.shown,
    tree: () => tree.published,
    async catchUp() {
      // What stands in the target may have been shown, and exported, by a process without witnesses.
      if (publication.isWitnessed) await tree.catchUp();
      await publication.catchUp();
    },
    catchUpIfBehind: () => publication.catchUpIfBehind(),
    openHead: (note) => personality.openHead(note),
    rootAt: (edge, size) => tiles.rootAt(edge, size),
    tile: (edge, level, index) => alarmed(tiles.tile(edge, level, index)),
    records: (edge, index, width) => {
      const isRecent = index * 256 >= edge.size - RECENT_ENTRIES;
      return alarmed((isRecent ? log.entries : older).bundle(edge, index, width));
    },
  };
}

/** What is not in the tree is not exported; nor is anything after it. */
async function alarmed<T>(read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (!(error instanceof DamagedRead)) throw error;
    throw new ExportAlarm('damaged_source', error.detail ?? error.message, { cause: error });
  }
}

async function openTarget(target: ExportTarget, own: { clock: Clock; ended: AbortSignal }): Promise<ObjectStore> {
  const { clock, ended } = own;
  const pause = (ms: number): Promise<void> => waitFor(ms, ended);
  if (target.kind === 's3') return openS3Store(target, { pause, ended, nowMs: () => clock.nowMs() });
  const { folder } = target;
  await prepareDirectory({ folder, files: systemFiles, nowMs: clock.nowMs() });
  const lock = await fileLock({ file: path.join(folder, PRIVATE_FOLDER, 'lock'), pause, attempts: LOCK_ATTEMPTS });
  return directoryStore({ folder, files: systemFiles, lock });
}
