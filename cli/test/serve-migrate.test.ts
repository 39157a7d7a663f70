import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { createLogger, DatabaseError, type Logger, type Pool, silentLogger, transaction } from '@sigstead/platform';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import { Failure } from '../src/failure.ts';
import { readServeConfig } from '../src/serve/config/load.ts';
import { migrateAll, refusePending } from '../src/serve/migrations.ts';
import { whenUnlocked } from '../src/serve/patience.ts';
import { makeSite, type Site } from './serve-support.ts';

suite('migrations of a production database', { timeout: 60_000 }, () => {
  const role = `serving_${randomBytes(4).toString('hex')}`;
  let database: TestDatabase;
  let owner: Pool;
  let site: Site;
  before(async () => {
    database = await testDatabase();
    owner = database.pool();
    await owner.query(`create role ${role} login`);
    const url = new URL(database.connectionString);
    url.username = role;
    url.password = '';
    site = await makeSite(url.href);
    await site.rewrite('  migrate: never', `  migrationUrl: ${database.connectionString}`);
  });
  after(async () => {
    await site.close();
    await owner.query(`drop owned by ${role}`);
    await owner.query(`drop role ${role}`);
    await owner.end();
    await database.drop();
  });

  const step = async (logger: Logger = silentLogger) => ({
    config: await readServeConfig(site.configFile),
    env: {},
    logger,
  });
  const failure = (pattern: RegExp) => (error: unknown) => {
    assert.ok(error instanceof Failure, String(error));
    assert.match(error.message, pattern);
    return true;
  };

  test('what stands in the way of one service is said, and leaves the others done; the next run goes on', async () => {
    await owner.query('create schema ca; create table ca.schema_migrations (x int)');
    await assert.rejects(migrateAll(await step()), failure(/^database: /));
    const { rows } = await owner.query<{ count: bigint }>('select count(*) as count from log.schema_migrations');
    assert.ok(Number(rows[0]?.count) > 0);
    await assert.rejects(refusePending(await step()), Failure);
    await owner.query('drop schema ca cascade');
    const applied = await migrateAll(await step());
    assert.ok(applied.length > 0 && applied.every((name) => /^(ca|tuf): \d{4}/.test(name)), applied.join());
    await refusePending(await step());
  });

  test('several at once give every schema and every right once', async () => {
    await owner.query(`drop schema log cascade; drop schema ca cascade; drop schema tuf cascade`);
    const runs = await Promise.all(Array.from({ length: 6 }, async () => migrateAll(await step())));
    const applied = runs.flat();
    assert.ok(applied.length > 3);
    assert.equal(new Set(applied).size, applied.length, applied.join());
    await refusePending(await step());
  });

  test('a serving role that has no rights learns who gives them', async () => {
    await owner.query(`revoke all on schema log from ${role}`);
    await assert.rejects(
      refusePending(await step()),
      failure(/^database: permission denied for schema log: sigstead migrate --config \S+ gives/),
    );
    assert.deepEqual(await migrateAll(await step()), []);
    await refusePending(await step());
  });

  test('whoever uses a table for long is waited for, without standing in the way of others', async () => {
    const lines: string[] = [];
    const logger = createLogger({ service: 'test', level: 'info', stream: { write: (line) => void lines.push(line) } });
    const waiting = await transaction(owner, async (client) => {
      await client.query("select pg_advisory_xact_lock(hashtextextended('sigstead migrations of log', 0))");
      const run = migrateAll({ ...(await step()), logger });
      while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      return { run };
    });
    assert.deepEqual(await waiting.run, []);
    assert.match(lines[0] ?? '', /a migration waits: the tables are in use, or another one runs/);
  });

  test('a database of a newer release is neither served nor migrated, and keeps what it has', async () => {
    await owner.query("insert into log.schema_migrations values (99, '0099-tomorrow', '', now())");
    for (const run of [migrateAll, refusePending]) {
      await assert.rejects(
        run(await step()),
        failure(/^database: .*schema log holds "?0099-tomorrow"?, which this release does not know: run the release/),
      );
    }
    await owner.query("delete from log.schema_migrations where name = '0099-tomorrow'");
    assert.deepEqual(await migrateAll(await step()), []);
  });
});

suite('patience with locks', () => {
  const locked = Object.assign(new Error('canceling statement due to lock timeout'), {
    code: '55P03',
    severity: 'ERROR',
  });
  function clock() {
    let nowMs = 0;
    const waits: number[] = [];
    const sleep = async (ms: number): Promise<void> => void (nowMs += ms + 3_000);
    return { waits, patience: { nowMs: () => nowMs, sleep, onWait: (ms: number) => void waits.push(ms) } };
  }

  test('a lock is met again, also inside a migration; every wait is told', async () => {
    const { waits, patience } = clock();
    const outcomes = [locked, new DatabaseError('migration_failed', 'failed', locked)];
    const run = async (): Promise<string> => {
      const next = outcomes.shift();
      if (next !== undefined) throw next;
      return 'done';
    };
    assert.equal(await whenUnlocked(run, patience), 'done');
    assert.deepEqual(waits, [0, 4_000]);
  });

  test('it ends after ten minutes, with what stood in the way', async () => {
    const { waits, patience } = clock();
    await assert.rejects(
      whenUnlocked(() => Promise.reject(locked), patience),
      locked,
    );
    assert.ok((waits.at(-1) ?? 0) <= 600_000 && waits.length > 100);
  });

  test('any other error is thrown at once', async () => {
    const { waits, patience } = clock();
    await assert.rejects(
      whenUnlocked(() => Promise.reject(new Error('x')), patience),
      /^Error: x$/,
    );
    assert.deepEqual(waits, []);
  });
});
