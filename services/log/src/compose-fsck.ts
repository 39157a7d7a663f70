import { publicKeyFromSpki } from '@sigstead/formats';
import { type Signer, signatureAlgorithmOf } from '@sigstead/keys';
import { createTreeHasher } from '@sigstead/merkle';
import { type Logger, openPool, type Pool, sqlState } from '@sigstead/platform';
import { ctPersonality } from './core/ct/personality.ts';
import { LogError, StoreError } from './core/errors.ts';
import type { FsckReport, KnownHead } from './core/fsck.ts';
import { reasonOf } from './core/fsck-heads.ts';
import type { LogKind, Personality } from './core/ports.ts';
import { rekorV2Personality } from './core/rekor-v2/personality.ts';
import { checkTree } from './fsck/check-tree.ts';
import { type CheckpointKey, readCheckpointKey } from './fsck/checkpoint-key.ts';
import type { HeldNote } from './fsck/held-notes.ts';
import { folderSource } from './fsck/folder-source.ts';
import { httpSource } from './fsck/http-source.ts';
import type { FsckProgress, TreeReport } from './fsck/report.ts';
import { staticCtSource } from './fsck/static-ct-source.ts';
import { misconfigured } from './specs.ts';
import { fsckStored } from './fsck-stored.ts';
import { listLogs, type StoredLog } from './store/row-counts.ts';
import { sha256 } from './sha256.ts';

const hasher = createTreeHasher(sha256);

/** Bundles read ahead unless told otherwise: at 16 MiB for the largest there can be, 128 MiB at most. */
const READ_AHEAD = 8;

export interface FsckPublishedOptions {
  /** Where `checkpoint` and `tile/` are. */
  from: { url: URL } | { folder: string };
  /** A verifier key (`name+id+key`) or a PEM public key; without it no signature is checked. */
  key?: string;
  /** The layout is that of static-ct-api: data tiles, issuers, a tree head's signature. Default false: tlog-tiles. */
  staticCt?: boolean;
  /** The checkpoint's first line, if another than the key's name or any. */
  origin?: string;
  /** Checkpoints of this log that somebody holds: each must verify, and be of this very tree. */
  notes?: readonly HeldNote[];
  readAhead?: number;
  pause?: (ms: number) => Promise<void>;
  onProgress?: (progress: FsckProgress) => void;
}

/**
 * Checks a log as it is published, ours or any other of the C2SP tlog-tiles layout: root from all entries, every tile,
 * every bundle, the checkpoint. Throws LogError `misconfigured` for a key that cannot be used, else reports.
 */
export async function fsckPublished(options: FsckPublishedOptions): Promise<TreeReport> {
  const { from, key, staticCt = false, readAhead = READ_AHEAD, pause = pauseFor, ...rest } = options;
  const verifier = key === undefined ? {} : { key: readCheckpointKey(key, staticCt) };
  const published =
    'url' in from ? httpSource({ url: from.url, connections: 2 * readAhead, pause }) : folderSource(from.folder);
  const source = staticCt ? staticCtSource(published, sha256) : published;
  try {
    return await checkTree({ ...rest, ...verifier, source, hasher, readAhead });
  } finally {
    await source.close();
  }
}

export interface FsckDatabaseOptions {
  connectionString: string;
  logger: Logger;
  /** Name of one log; default all of the database. */
  log?: string;
  /** As above: the log must have been made with this very key. Default: the key in its row. */
  key?: string;
  /** Notes of this log that somebody holds: each must verify, and be of this very tree. Only together with `log`. */
  notes?: readonly HeldNote[];
  onProgress?: (log: string, progress: FsckProgress) => void;
}

/** A log in the database; `keySpki` in hex is what its notes were verified with. */
export interface DatabaseLogReport extends FsckReport {
  name: string;
  origin: string;
  kind: LogKind;
  keySpki: string;
  /** As for a published tree. */
  outcome: 'ok' | 'empty' | 'bad';
}

/**
 * Checks logs in our own database: heads, notes, batches, tiles, identities. Reads only, asks for no lock, and may run
 * beside the servers. Throws LogError `misconfigured` when there is no such log or it has another key, StoreError
 * `lost` when the database does not answer.
 */
export async function fsckDatabase(options: FsckDatabaseOptions): Promise<DatabaseLogReport[]> {
  const { connectionString, logger } = options;
  const key = options.key === undefined ? undefined : readCheckpointKey(options.key);
  const pool = openPool({
    connectionString,
    logger,
    max: 2,
    applicationName: 'sigstead-fsck',
    readOnly: true,
    // Counting the rows of a large log takes its time.
    statementTimeoutMs: 600_000,
    settings: { default_transaction_read_only: 'on' },
  });
  try {
    const reports: DatabaseLogReport[] = [];
    for (const log of await chosenLogs(pool, options.log)) {
      checkKey(log, key);
      reports.push(await checkLog(pool, log, options));
    }
    return reports;
  } finally {
    await pool.end();
  }
}

async function chosenLogs(pool: Pool, name: string | undefined): Promise<StoredLog[]> {
  const logs = await answered(listLogs(pool));
  if (logs.length === 0) throw misconfigured('there is no log in the database');
  const chosen = name === undefined ? logs : logs.filter((log) => log.name === name);
  if (chosen.length > 0) return chosen;
  throw misconfigured(`there is no log "${name}"; there is ${logs.map((log) => log.name).join(', ')}`);
}

function checkKey(log: StoredLog, key: CheckpointKey | undefined): void {
  if (key === undefined || Buffer.compare(key.spki, log.keySpki) === 0) return;
  throw misconfigured(`log "${log.name}" was made with another key`);
}

async function checkLog(pool: Pool, log: StoredLog, options: FsckDatabaseOptions): Promise<DatabaseLogReport> {
  const { name, origin, kind, logId } = log;
  const personality = readingPersonality(log);
  const held = (options.notes ?? []).map((note) => opened(personality, note));
  const report = await fsckStored({
    pool,
    logId,
    personality,
    known: held.filter((each) => typeof each !== 'string'),
    onProgress: (progress) => options.onProgress?.(name, progress),
  });
  const problems = [...report.problems, ...held.filter((each) => typeof each === 'string')];
  const isSound = report.complete && problems.length === 0;
  const outcome = !isSound ? 'bad' : report.size === 0 ? 'empty' : 'ok';
  return { name, origin, kind, keySpki: Buffer.from(log.keySpki).toString('hex'), outcome, ...report, problems };
}

/** What a note says, or why it says nothing. */
function opened(personality: Personality, { name, bytes }: HeldNote): KnownHead | string {
  try {
    return { name, ...personality.openHead(bytes) };
  } catch (error) {
    return `${name} does not verify: ${reasonOf(error)}`;
  }
}

/** Reads notes of a log; it has no private key to sign any. */
function readingPersonality({ name, origin, kind, keySpki, leafIndex }: StoredLog): Personality {
  const key = publicKeyFromSpki(keySpki).keyObject;
  const signer: Signer = {
    algorithm: signatureAlgorithmOf(key),
    spki: keySpki,
    publicKey: key,
    sign: () => Promise.reject(misconfigured('a checker signs nothing')),
  };
  if (kind === 'ct') return ctPersonality({ signer, sha256, leafIndex });
  if (kind === 'rekor-v2') return rekorV2Personality({ origin, signer });
  throw misconfigured(`log "${name}" is of a kind that this version does not know`);
}

/** What the driver throws is its own. */
async function answered<T>(rows: Promise<T>): Promise<T> {
  try {
    return await rows;
  } catch (cause) {
    if (cause instanceof LogError) throw cause;
    // SPEC: PostgreSQL, SQLSTATE 3F000 invalid_schema_name, 42P01 undefined_table.
    const code = sqlState(cause);
    if (code === '42P01' || code === '3F000') throw misconfigured('the database holds no logs of ours');
    throw new StoreError('lost', 'no answer from the database', { cause });
  }
}

function pauseFor(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
