import type { Pool } from '@sigstead/platform';
import type { RootStore } from '../roots/root-follower.ts';
import { bytesOf, type Row } from './rows.ts';

/** The roots of one log that were seen at its sources. */
export function acceptedRoots(options: { pool: Pool; logId: number; nowMs: () => number }): RootStore {
  const { pool, logId, nowMs } = options;
  return {
    async seen(source) {
      const { rows } = await pool.query<Row>(
        `select certificate from log.accepted_roots
          where log_id = $1 and source = $2 order by created_ms, fingerprint`,
        [logId, source],
      );
      return rows.map((row) => bytesOf(row, 'certificate'));
    },
    async seenElsewhere(sources) {
      const { rows } = await pool.query<Row>(
        `select certificate from log.accepted_roots
          where log_id = $1 and source <> all($2::text[]) order by created_ms, source, fingerprint`,
        [logId, sources],
      );
      return rows.map((row) => bytesOf(row, 'certificate'));
    },
    async remember(source, certificates) {
      for (const certificate of certificates) {
        await pool.query(
          `insert into log.accepted_roots (log_id, source, fingerprint, certificate, created_ms)
           values ($1, $2, sha256($3::bytea), $3::bytea, $4::bigint) on conflict do nothing`,
          [logId, source, certificate, nowMs()],
        );
      }
    },
  };
}
