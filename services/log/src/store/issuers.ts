import type { Pool } from '@sigstead/platform';
import { LogError, StoreError } from '../core/errors.ts';
import { bytesOf, type Row } from './rows.ts';
import type { Session } from './session.ts';

/** Stores certificates that entries of the open transaction refer to; those that are there already are left as they are. */
export async function insertIssuers(session: Session, logId: number, issuers: readonly Uint8Array[]): Promise<void> {
  if (issuers.length === 0) return;
  await session.run({
    name: 'log_insert_issuers',
    text: `insert into log.issuers (log_id, fingerprint, certificate)
           select $1, sha256(certificate), certificate from unnest($2::bytea[]) certificate
               on conflict do nothing`,
    values: [logId, issuers],
  });
}

/** The certificate with this SHA-256, if an entry of the log refers to it. */
export async function readIssuer(pool: Pool, logId: number, fingerprint: Uint8Array): Promise<Uint8Array | undefined> {
  const { rows } = await pool.query<Row>({
    name: 'log_issuer',
    text: 'select certificate from log.issuers where log_id = $1 and fingerprint = $2',
    values: [logId, fingerprint],
  });
  return rows[0] === undefined ? undefined : bytesOf(rows[0], 'certificate');
}

/** SHA-256 of every certificate that entries of the log refer to. Throws StoreError `lost`. */
export async function storedFingerprints(pool: Pool, logId: number): Promise<Uint8Array[]> {
  try {
    const { rows } = await pool.query<Row>('select fingerprint from log.issuers where log_id = $1', [logId]);
    return rows.map((row) => bytesOf(row, 'fingerprint'));
  } catch (cause) {
    if (cause instanceof LogError) throw cause;
    throw new StoreError('lost', 'no answer from the database', { cause });
  }
}
