import { generateKeyPairSync, hash } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localSigner } from '@sigstead/keys';
import {
  createLog,
  engineMetrics,
  fileMark,
  LOG_MIGRATIONS,
  LOG_SCHEMA,
  type LogStore,
  type OpenLog,
  openLog,
  postgresStore,
  rekorV2Personality,
} from '@sigstead/log';
import { createTreeHasher } from '@sigstead/merkle';
import { createMetrics, migrate, openPool, type Pool, silentLogger, systemClock } from '@sigstead/platform';
import { startEmbeddedPostgres } from '../../cli/src/postgres/index.ts';

export const sha256 = (data: Uint8Array): Uint8Array => Buffer.from(hash('sha256', data, 'latin1'), 'latin1');
export const hasher = createTreeHasher(sha256);

const ORIGIN = 'engine.example.com';
const signer = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
export const personality = rekorV2Personality({ origin: ORIGIN, signer });

/** A PostgreSQL of its own for one bench, with durable settings. */
export interface Rig {
  /** Of the postmaster. */
  readonly pid: number;
  readonly connectionString: string;
  /** A log in a database of its own. */
  log(name: string, options?: { dedup?: boolean; mark?: boolean }): Promise<BenchLog>;
  drop(name: string): Promise<void>;
  /** Waits for PostgreSQL's checkpoint. */
  checkpoint(): Promise<void>;
  stop(): Promise<void>;
}

export interface BenchLog extends OpenLog {
  readonly pool: Pool;
  /** Transactions since the start. */
  batches(): number;
}

export async function startRig(): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'sigstead-bench-'));
  // As root the server runs under another account, which must be able to pass through.
  await chmod(folder, 0o711);
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), logger: silentLogger });
  const admin = openPool({ connectionString: server.connectionString, logger: silentLogger, max: 1 });
  return {
    pid: server.pid,
    connectionString: server.connectionString,
    async log(name, options = {}) {
      await admin.query(`create database ${name}`);
      const url = new URL(server.connectionString);
      url.pathname = `/${name}`;
      return openOne(url.href, { ...options, markFile: join(folder, `${name}.mark`) });
    },
    async drop(name) {
      await admin.query(`drop database ${name} with (force)`);
    },
    async checkpoint() {
      await admin.query('checkpoint');
    },
    async stop() {
      await admin.end();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function openOne(
  connectionString: string,
  options: { dedup?: boolean; mark?: boolean; markFile: string },
): Promise<BenchLog> {
  const pool = openPool({ connectionString, logger: silentLogger, max: 4 });
  await migrate({ pool, schema: LOG_SCHEMA, migrations: LOG_MIGRATIONS });
  const claim = { size: 0, root: hasher.empty(), timestampMs: Date.now() };
  const genesis = { ...claim, note: await personality.signHead(claim) };
  const identity = { name: 'engine', origin: ORIGIN, kind: personality.kind, keySpki: signer.spki };
  const logId = await createLog(pool, identity, genesis);
  const store = postgresStore({ connectionString, pool, logId });
  if (options.dedup === false) await pool.query('alter table log.identities drop constraint identities_pkey');
  let batches = 0;
  const metrics = engineMetrics(createMetrics(), 'engine');
  const log = await openLog({
    name: 'engine',
    hasher,
    personality,
    store: options.dedup === false ? withoutLookUp(store) : store,
    clock: systemClock,
    logger: silentLogger,
    metrics: {
      ...metrics,
      committed(batch) {
        batches += 1;
        metrics.committed(batch);
      },
    },
    ...(options.mark === true
      ? { mark: fileMark({ file: options.markFile, key: Buffer.from(sha256(signer.spki)).toString('hex') }) }
      : {}),
  });
  return {
    ...log,
    pool,
    batches: () => batches,
    async close() {
      await log.close();
      await pool.end();
    },
  };
}

/** Asks for no duplicates: what is left of deduplication is the bare row. */
function withoutLookUp(store: LogStore): LogStore {
  return {
    ...store,
    async begin() {
      const tx = await store.begin();
      return { ...tx, look: ({ fromSize }) => tx.look({ identities: [], fromSize }) };
    },
  };
}
