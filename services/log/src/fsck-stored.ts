import { createTreeHasher } from '@sigstead/merkle';
import type { Pool } from '@sigstead/platform';
import { identityOfLeaf } from './core/ct/entry.ts';
import type { CtPersonality } from './core/ct/personality.ts';
import { type FsckOptions, type FsckReport, fsck, type RowCounts } from './core/fsck.ts';
import type { Personality } from './core/ports.ts';
import type { FsckProgress } from './fsck/report.ts';
import { auditReads } from './store/postgres-store.ts';
import { sha256 } from './sha256.ts';

const hasher = createTreeHasher(sha256);

export interface StoredFsckOptions extends Pick<FsckOptions, 'known' | 'pace'> {
  pool: Pool;
  logId: number;
  personality: Personality;
  counts?: RowCounts;
  onProgress?: (progress: FsckProgress) => void;
  /** Called before anything else is read; what it throws ends the check. */
  onCounted?: (counts: RowCounts) => Promise<void>;
}

/**
 * The one check of a log in our own database, for the command, the server's scrub and LogHandle alike: everything that
 * is stored, up to the size that `counts` has (default: the size at the start). Throws StoreError `lost`, and
 * LogError `misconfigured` when there are no such tables.
 */
export async function fsckStored(options: StoredFsckOptions): Promise<FsckReport> {
  const { pool, logId, personality, onProgress, known, pace } = options;
  const store = auditReads(pool, logId);
  const counts = options.counts ?? (await store.counts());
  await options.onCounted?.(counts);
  return fsck({
    store,
    hasher,
    personality,
    counts,
    identityOf: identityRule(personality),
    onProgress: (entries) => onProgress?.({ entries, total: counts.size }),
    ...(known === undefined ? {} : { known }),
    ...(pace === undefined ? {} : { pace }),
  });
}

function identityRule(personality: Personality): NonNullable<FsckOptions['identityOf']> {
  if (!isCt(personality)) return (leaf) => hasher.leaf(leaf);
  const rules = { sha256, leafIndex: personality.leafIndex };
  return (leaf, index) => identityOfLeaf(leaf, index, rules);
}

function isCt(personality: Personality): personality is CtPersonality {
  return personality.kind === 'ct';
}
