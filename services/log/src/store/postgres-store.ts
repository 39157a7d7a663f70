import { DatabaseHosts, type Pool } from '@sigstead/platform';
import { LogError, StoreError } from '../core/errors.ts';
import type { RowCounts } from '../core/fsck-report.ts';
import type { LogStore } from '../core/ports.ts';
import { findLeafIndex, peek, readHistory, readLeafHashes, readRecords, readTileRoots, readTiles } from './reading.ts';
import { readIndexes, readStoredBatches } from './auditing.ts';
import { countRows } from './row-counts.ts';
import { beginSequencing } from './sequencing.ts';
import { Session, type SessionLimits } from './session.ts';
import { readHeadRoot, settleHead } from './settle.ts';

/**
 * The store of one log: a session that sequences, one that settles (so that a batch of unknown outcome can be asked
 * about while its own session is in doubt), and a pool, which it does not own, for reading what is settled.
 */
export function postgresStore(options: {
  connectionString: string;
  pool: Pool;
  logId: number;
  limits?: SessionLimits;
  /** Sequences and settles only on a server whose settings keep what it acknowledged. Default false. */
  durable?: boolean;
}): LogStore {
  const { pool, logId, durable = false } = options;
  // Shared: what one of them found out about the servers, the other need not find out again.
  const to = { hosts: DatabaseHosts.parse(options.connectionString), durable };
  const sequencing = new Session(to, options.limits);
  const settling = new Session(to, options.limits);
  /** The sequencing connection that settled reads follow. */
  let followed = sequencing.generation;
  /** The settling connection whose server was compared, by who asked to settle, with what is known. */
  let settledOn: number | undefined;
  let settleTurn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = settleTurn.then(work);
    // The next one waits for this one's end, whatever it was.
    settleTurn = turn.catch(() => undefined);
    return turn;
  };

  return {
    async begin() {
      try {
        return await beginSequencing(sequencing, logId);
      } finally {
        // The settled read that follows must speak of the server that a new connection leads to.
        if (sequencing.generation !== followed) settleTurn = settleTurn.then(() => settling.drop());
        followed = sequencing.generation;
      }
    },
    settle: ({ afterSize }) =>
      inTurn(async () => {
        const view = await settleHead(settling, logId, afterSize);
        settledOn = settling.generation;
        return view;
      }),
    headRoot: (size) =>
      inTurn(async () => {
        const root = await readHeadRoot(settling, logId, size);
        if (settling.generation === settledOn) return root;
        throw new StoreError('lost', 'the server of a new connection has not been compared yet');
      }),
    peek: ({ size }) => read(peek(pool, logId, size)),
    leafHashes: (range) => read(readLeafHashes(pool, logId, range)),
    records: (range) => read(readRecords(pool, logId, range)),
    tiles: (level, indexes) => read(readTiles(pool, logId, { level, indexes })),
    tileRoots: (level, range) => read(readTileRoots(pool, logId, level, range)),
    findLeaf: (leafHash) => read(findLeafIndex(pool, logId, leafHash)),
    history: (page) => read(readHistory(pool, logId, page)),
    batches: (page) => read(readStoredBatches(pool, logId, page)),
    indexesOf: (table, hashes) => read(readIndexes(pool, logId, { table, hashes })),
    async close() {
      await settleTurn;
      await Promise.all([sequencing.close(), settling.close()]);
    },
  };
}

/** What answering readers asks the database for, through a pool of its own, which it does not own. */
export function publicReads(pool: Pool, logId: number): Pick<LogStore, 'records' | 'tiles' | 'findLeaf'> {
  return {
    records: (range) => read(readRecords(pool, logId, range)),
    tiles: (level, indexes) => read(readTiles(pool, logId, { level, indexes })),
    findLeaf: (leafHash) => read(findLeafIndex(pool, logId, leafHash)),
  };
}

/** What checking a log asks the database for, through a pool that it does not own. */
export function auditReads(
  pool: Pool,
  logId: number,
): Pick<LogStore, 'history' | 'batches' | 'tiles' | 'indexesOf'> & { counts(): Promise<RowCounts> } {
  return {
    history: (page) => read(readHistory(pool, logId, page)),
    batches: (page) => read(readStoredBatches(pool, logId, page)),
    tiles: (level, indexes) => read(readTiles(pool, logId, { level, indexes })),
    indexesOf: (table, hashes) => read(readIndexes(pool, logId, { table, hashes })),
    counts: () => read(countRows(pool, logId)),
  };
}

/** What the pool's driver throws is its own. */
async function read<T>(rows: Promise<T>): Promise<T> {
  try {
    return await rows;
  } catch (cause) {
    if (cause instanceof LogError) throw cause;
    throw new StoreError('lost', 'no answer from the database', { cause });
  }
}
