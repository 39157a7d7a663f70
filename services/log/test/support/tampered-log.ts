import assert from 'node:assert/strict';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import type { Pool } from '@sigstead/platform';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import type { LogSpec } from '../../src/index.ts';
import { certificate, isCa, POISON } from './certificates.ts';
import { hashedRekord, newKey } from './entries.ts';
import { send } from './raw-http.ts';
import { startServer } from './server.ts';

/** Two full tiles, a partial one, a batch at the right edge. */
export const SIZE = 530;
export const CT_SIZE = 5;
const TABLES = ['heads', 'notes', 'batches', 'tiles', 'identities', 'leaf_hashes', 'states'];

/** SQL conditions that choose one of the logs. */
export const V2 = `log_id = (select log_id from log.logs where name = 'v2')`;
export const CT = `log_id = (select log_id from log.logs where name = 'ct')`;

const root = certificate({ subject: 'root', extensions: [isCa()] });

export interface TamperedLog {
  readonly database: TestDatabase;
  readonly pool: Pool;
  /** For processes that come later: they create nothing. */
  readonly specs: readonly LogSpec[];
  /** Runs statements as a superuser who switches triggers and constraints off, and undoes them afterwards. */
  tampered(statement: string, then: () => Promise<void>): Promise<void>;
}

/** A database with a Rekor v2 log `v2` and a CT log `ct`, both sound, whose servers are gone. */
export async function tamperedLog(): Promise<TamperedLog> {
  const database = await testDatabase();
  const signers = [1, 2].map(() => signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256')));
  const [signer = assert.fail(), ctSigner = assert.fail()] = signers;
  const specs: LogSpec[] = [
    { name: 'v2', origin: 'log.example.com', kind: 'rekor-v2', signer },
    { name: 'ct', origin: 'ct.example.com', kind: 'ct', signer: ctSigner, acceptedRoots: [root.der] },
  ];
  const server = await startServer({ database, logs: specs.map((spec) => ({ ...spec, create: true })) });
  try {
    await fill(server.port);
    for (let i = 0; i < CT_SIZE; i++) {
      const leaf = certificate({ subject: `leaf ${i}`, issuer: root, extensions: [POISON] });
      await server.handle.ct('ct').addPreChain([leaf.der, root.der]);
    }
  } finally {
    await server.close();
  }
  const pool = database.pool({ max: 1 });
  await pool.query('create schema saved');
  for (const table of TABLES) await pool.query(`create table saved.${table} as select * from log.${table}`);
  return { database, pool, specs, tampered: (statement, then) => tampered(pool, statement, then) };
}

async function fill(port: number): Promise<void> {
  const key = newKey();
  for (let from = 0; from < SIZE; from += 100) {
    const posts = Array.from({ length: Math.min(100, SIZE - from) }, (_, i) => {
      const body = Buffer.from(JSON.stringify(hashedRekord(key, `message ${from + i}`)));
      return send(port, { method: 'POST', path: '/api/v2/log/entries', body });
    });
    for (const { status } of await Promise.all(posts)) assert.equal(status, 201);
  }
}

async function tampered(pool: Pool, statement: string, then: () => Promise<void>): Promise<void> {
  await pool.query('set session_replication_role = replica');
  try {
    const results = await pool.query(statement);
    const changed = [results].flat().reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0);
    assert.ok(changed > 0, 'nothing was tampered with');
    await then();
  } finally {
    for (const table of TABLES) {
      await pool.query(`delete from log.${table}; insert into log.${table} select * from saved.${table}`);
    }
  }
}
