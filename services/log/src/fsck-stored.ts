import { createTreeHasher } from '@sigstead/merkle';
import type { Pool } from '@sigstead/platform';
import { decodeMerkleTreeLeaf } from '@sigstead/formats';
import { contradictionOfRecord } from './core/ct/beside.ts';
import { extraOf } from './core/ct/data-tile.ts';
import { identityOfLeaf } from './core/ct/entry.ts';
import type { CtPersonality } from './core/ct/personality.ts';
import { type FsckOptions, type FsckReport, fsck, type RowCounts } from './core/fsck.ts';
import { identityKey, type Personality } from './core/ports.ts';
import type { FsckProgress } from './fsck/report.ts';
import { storedFingerprints } from './store/issuers.ts';
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
    ...(isCt(personality) ? { recordProblem: besideRule(personality, await fingerprintsOf(options)) } : {}),
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

/** Every issuer that an entry refers to must be found by its fingerprint, where readers ask for it. */
function besideRule(
  { leafIndex }: CtPersonality,
  stored: ReadonlySet<string>,
): NonNullable<FsckOptions['recordProblem']> {
  return (record) => {
    const problem = contradictionOfRecord(record, sha256);
    if (problem !== undefined || !leafIndex) return problem;
    const { chain } = extraOf(decodeMerkleTreeLeaf(record.leaf).entry.type, record.extra);
    const missing = chain.find((der) => !stored.has(identityKey(sha256(der))));
    return missing === undefined ? undefined : 'an issuer of it is not stored by its fingerprint';
  };
}

async function fingerprintsOf({ pool, logId, personality }: StoredFsckOptions): Promise<Set<string>> {
  if (!isCt(personality) || !personality.leafIndex) return new Set();
  return new Set((await storedFingerprints(pool, logId)).map(identityKey));
}
