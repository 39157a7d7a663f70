import type { Pool } from '@sigstead/platform';
import type { LogStore } from '../core/ports.ts';
import {
  findLeafIndex,
  peekSize,
  readHistory,
  readIdentities,
  readLeafHashes,
  readRecords,
  readTileRoots,
  readTiles,
} from './reading.ts';
import { beginSequencing } from './sequencing.ts';
import { Session, type SessionLimits } from './session.ts';
import { settleHead } from './settle.ts';

/**
 * The store of one log: a session that sequences, one that settles (so that a batch of unknown outcome can be asked
 * about while its own session is in doubt), and a pool, which it does not own, for reading what is settled.
 */
export function postgresStore(options: {
  connectionString: string;
  pool: Pool;
  logId: number;
  limits?: SessionLimits;
}): LogStore {
  const { pool, logId } = options;
  const sequencing = new Session(options.connectionString, options.limits);
  const settling = new Session(options.connectionString, options.limits);
  let settleTurn: Promise<unknown> = Promise.resolve();

  return {
    begin: () => beginSequencing(sequencing, logId),
    settle({ afterSize }) {
      const turn = settleTurn.then(() => settleHead(settling, logId, afterSize));
      // The next one waits for this one's end, whatever it was.
      settleTurn = turn.catch(() => undefined);
      return turn;
    },
    peekSize: () => peekSize(pool, logId),
    leafHashes: (range) => readLeafHashes(pool, logId, range),
    records: (range) => readRecords(pool, logId, range),
    tiles: (level, indexes) => readTiles(pool, logId, { level, indexes }),
    tileRoots: (level, range) => readTileRoots(pool, logId, level, range),
    findLeaf: (leafHash) => findLeafIndex(pool, logId, leafHash),
    history: (page) => readHistory(pool, logId, page),
    identities: (range) => readIdentities(pool, logId, range),
    async close() {
      await settleTurn;
      await Promise.all([sequencing.close(), settling.close()]);
    },
  };
}
