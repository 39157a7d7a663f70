import { randomInt } from 'node:crypto';
import { type Logger, openPool, type Pool } from '@sigstead/platform';
import type { NoteVerifier } from '@sigstead/formats';
import { createTreeHasher } from '@sigstead/merkle';
import { keysOfBody } from './core/rekor-v2/search-entry.ts';
import { issuersOf, namesOf, type SearchableEntry } from './core/rekor-v2/search-keys.ts';
import { parseSearchQuery } from './core/rekor-v2/search-query.ts';
import { readCheckpointKey } from './fsck/checkpoint-key.ts';
import { readAnswer, type ReadAnswer } from './search/answer.ts';
import { Coverage } from './search/coverage.ts';
import { type RebuildProgress, rebuildSearch, type SearchWorkshop } from './search/rebuild.ts';
import { type SearchStatus, searchStatus } from './search/status.ts';
import { misconfigured } from './specs.ts';
import { PostgresLease } from './store/lease.ts';
import { auditReads } from './store/postgres-store.ts';
import { listLogs, type StoredLog } from './store/row-counts.ts';
import { searchIndex } from './store/searching.ts';
import { searchRebuilder } from './store/search-rebuilding.ts';
import { sha256 } from './sha256.ts';

const hasher = createTreeHasher(sha256);

export interface StoredSearchOptions {
  /** Of a role that may read and add, as one that serves may. */
  connectionString: string;
  logger: Logger;
  /** Name of a Rekor v2 log. */
  log: string;
}

/**
 * Stores what the entries of a log are found by where that is missing, up to its size now; `everywhere`: also where it should be
 * there. Servers may go on meanwhile. Throws LogError `misconfigured` when there is no such log or somebody else does it right
 * now, else what drivers and transactions throw.
 */
export async function rebuildStoredSearch(
  options: StoredSearchOptions & { everywhere: boolean; onProgress?: (progress: RebuildProgress) => void },
): Promise<{ entries: number; size: number }> {
  const { everywhere, onProgress } = options;
  const lease = new PostgresLease(options.connectionString);
  try {
    return await inWorkshop(options, async (shop, { logId, name }) => {
      if (!(await lease.hold(`search ${logId}`)))
        throw misconfigured(`the search of log "${name}" is being rebuilt by another process`);
      const size = await shop.index.size();
      const progress = onProgress === undefined ? {} : { onProgress };
      return { size, ...(await rebuildSearch(shop, { size, everywhere, ...progress })) };
    });
  } finally {
    await lease.close();
  }
}

/** What of a log can be found; compares so many batches with what should be stored. Reads only. Throws as above. */
export function statusOfStoredSearch(options: StoredSearchOptions & { batches: number }): Promise<SearchStatus> {
  return inWorkshop(options, async (shop) =>
    searchStatus(shop, {
      size: await shop.index.size(),
      batches: options.batches,
      random: (below) => randomInt(below),
    }),
  );
}

async function inWorkshop<T>(
  { connectionString, logger, log: name }: StoredSearchOptions,
  use: (shop: SearchWorkshop, log: StoredLog) => Promise<T>,
): Promise<T> {
  const pool = openPool({
    connectionString,
    logger,
    max: 2,
    applicationName: 'sigstead-search',
    // A page of many small entries, each row looked for first.
    statementTimeoutMs: 300_000,
  });
  try {
    const log = await chosenLog(pool, name);
    const index = searchIndex(pool, log.logId);
    return await use(
      {
        index,
        coverage: new Coverage(index),
        rebuilder: searchRebuilder(pool, log.logId),
        store: auditReads(pool, log.logId),
        keysOf: (leaf) => keysOfBody(leaf, sha256),
      },
      log,
    );
  } finally {
    await pool.end();
  }
}

async function chosenLog(pool: Pool, name: string): Promise<StoredLog> {
  const logs = await listLogs(pool);
  const log = logs.find((each) => each.name === name);
  if (log === undefined) throw misconfigured(`there is no log "${name}" in the database`);
  if (log.kind !== 'rekor-v2')
    throw misconfigured(`log "${name}" is of kind ${log.kind}: only Rekor v2 logs are searched`);
  return log;
}

/** One page of a question. */
export interface SearchPage {
  /** The query string. */
  readonly query: string;
  /** Reads the answer to it. Throws Error with what is wrong with it. */
  read(answer: Uint8Array): ReadAnswer;
}

/**
 * A question as a client asks it that believes no server: `terms` are names and values as in docs/specs/search.md, `key`
 * verifies checkpoints (a verifier key or a PEM public key). Throws LogError `invalid_request`, `misconfigured`.
 */
export function searchPage(options: {
  terms: readonly (readonly [string, string])[];
  from: number;
  limit: number;
  key?: string;
}): SearchPage {
  const { terms, from, limit } = options;
  const key = options.key === undefined ? undefined : readCheckpointKey(options.key);
  const parameters = new URLSearchParams(terms.map(([name, value]) => [name, value]));
  parameters.set('from', String(from));
  parameters.set('limit', String(limit));
  const text = parameters.toString();
  const query = parseSearchQuery(text, sha256);
  const verifierFor = (origin: string): NoteVerifier | undefined => key?.verifierFor(key.name ?? origin);
  return { query: text, read: (answer) => readAnswer(answer, { query, hasher, sha256, verifierFor }) };
}

/** What an entry says of itself, for people: hash, names and issuers as text. */
export function describeEntry({ hash, digest, certificate }: SearchableEntry): {
  hash: string;
  names: string[];
  issuers: string[];
} {
  const texts = (values: readonly Uint8Array[]): string[] => values.map((value) => Buffer.from(value).toString('utf8'));
  return {
    hash: `${hash}:${Buffer.from(digest).toString('hex')}`,
    names: certificate === undefined ? [] : texts(namesOf(certificate)),
    issuers: certificate === undefined ? [] : [...new Set(texts(issuersOf(certificate)))],
  };
}
