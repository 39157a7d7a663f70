import { Closables, migrate, openPool, type Pool } from '@sigstead/platform';
import { handleOf, type LogHandle, type Running } from './handle.ts';
import { openOne, type Reading } from './open-one.ts';
import { openScrub } from './open-scrub.ts';
import type { LogOptions } from './options.ts';
import { LOAD_LIMITS, LoadGate } from './read/load-gate.ts';
import { unsafeSettings } from './store/logs.ts';
import { MIGRATIONS, SCHEMA } from './store/migrations.ts';
import { checkSpecs, misconfigured } from './specs.ts';

/** For looking whether others appended, taking over what they did, and health. Readers have none of them. */
const FOLLOWING_CONNECTIONS = 4;

function openReading({ connectionString, logger, readConnections = 8 }: LogOptions): Reading {
  const pool = openPool({
    connectionString,
    logger,
    max: readConnections,
    applicationName: 'sigstead-log-reads',
    connectTimeoutMs: 2000,
    statementTimeoutMs: 4000,
    settings: { idle_in_transaction_session_timeout: '10s' },
  });
  return { pool, gate: new LoadGate({ ...LOAD_LIMITS, running: readConnections }) };
}

/** Opens every log that is named, over one database. Opens no listener. Throws LogError, StoreError, DatabaseError. */
export async function composeLog(options: LogOptions): Promise<LogHandle> {
  checkSpecs(options.logs);
  const owned = new Closables();
  try {
    const pool = openPool({
      connectionString: options.connectionString,
      logger: options.logger,
      max: FOLLOWING_CONNECTIONS,
      applicationName: 'sigstead-log',
      settings: { idle_in_transaction_session_timeout: '10s' },
    });
    owned.defer(() => pool.end());
    await migrate({ pool, schema: SCHEMA, migrations: MIGRATIONS });
    await checkDurability(pool, options);
    const reading = openReading(options);
    owned.defer(() => reading.pool.end());
    const running: Running[] = [];
    for (const spec of options.logs) {
      const one = await openOne(spec, { pool, reading, options });
      owned.defer(() => one.marks.close());
      owned.use(one.log);
      if (one.witnessing !== undefined) owned.use(one.witnessing).start();
      if (one.kind === 'ct') owned.use(one.ct.roots);
      if (one.exporter !== undefined) owned.use(one.exporter).start();
      running.push(one);
    }
    if (options.scrub !== undefined) owned.use(openScrub({ ...options, logs: running, limits: options.scrub })).start();
    return handleOf(running, { ...options, pool }, owned);
  } catch (error) {
    await owned.close();
    throw error;
  }
}

async function checkDurability(pool: Pool, options: LogOptions): Promise<void> {
  const unsafe = await unsafeSettings(pool);
  if (unsafe === undefined) return;
  const text = `the database cannot be trusted with entries: ${unsafe}`;
  if (options.requireDurableDatabase === true) throw misconfigured(text);
  options.logger.error({}, text);
}
