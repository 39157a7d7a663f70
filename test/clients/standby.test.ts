import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { composeLog } from '@sigstead/log';
import { createHttpServer, createMetrics, silentLogger, systemClock } from '@sigstead/platform';
import { DebianPostgres, missingPostgres, prepareBase } from './debian-postgres.ts';
import { temporaryFolder } from './environment.ts';
import { entryBody } from './exported-log.ts';
import { freePort } from '../support/index.ts';

const skip = await missingPostgres();
const PASSWORDS = { serving: 'p&w/1', replication: 'pw2' };
const NAMES = "alter system set synchronous_standby_names = 'FIRST 1 (db1, db2)'";
const RELOAD = 'select pg_reload_conf()';
const STANDBYS = 'select application_name, state, sync_state from pg_stat_replication';

if (skip !== false) describe('PostgreSQL', { skip }, () => test('fails over to a synchronous standby'));
else
  test(
    'docs/runbooks/failover.md, step by step, with the programs of PostgreSQL as Debian has them: every acknowledged entry is there, once',
    suite,
  );

async function suite(): Promise<void> {
  const base = await temporaryFolder();
  await prepareBase(base, PASSWORDS.replication);
  const db1 = new DebianPostgres(base, 'db1', await freePort());
  const db2 = new DebianPostgres(base, 'db2', await freePort());
  const stopAll = async (): Promise<void> => {
    for (const server of [db1, db2])
      if (await server.isRunning()) await server.stop('immediate').catch(() => undefined);
  };
  try {
    await setUp(db1, db2);
    await failOver(base, db1, db2);
  } finally {
    await stopAll();
  }
}

async function setUp(db1: DebianPostgres, db2: DebianPostgres): Promise<void> {
  await db1.initialise();
  await db1.sql(
    `create role replicator login replication password '${PASSWORDS.replication}'`,
    `create role sigstead login password '${PASSWORDS.serving}'`,
    'create database sigstead owner sigstead',
  );
  await db2.follow(db1, 'db2');
  await db1.until(STANDBYS, 'db2|streaming|async');
  await db1.sql(NAMES, RELOAD);
  await db1.until(STANDBYS, 'db2|streaming|sync');
}

async function failOver(base: string, db1: DebianPostgres, db2: DebianPostgres): Promise<void> {
  const user = `sigstead:${encodeURIComponent(PASSWORDS.serving)}`;
  const log = await openLog(base, `postgresql://${user}@127.0.0.1:${db1.port},127.0.0.1:${db2.port}/sigstead`);
  try {
    const acknowledged = new Map<number, number>();
    const add = async (artifact: number): Promise<void> => void acknowledged.set(artifact, await log.indexOf(artifact));
    for (const artifact of [0, 1, 2]) await add(artifact);

    await db2.stop('fast');
    assert.equal((await log.post(3)).status, 503, 'the standby is away');
    await db2.start();
    await add(3);

    await db1.until(STANDBYS, 'db2|streaming|sync');
    await db1.stop('immediate');
    assert.equal((await log.post(4)).status, 503, 'the primary is lost');
    await db2.promote();
    assert.equal(await db2.sql('show synchronous_standby_names'), '');
    await add(4);

    await rename(db1.data, join(base, 'db1.old'));
    await db1.follow(db2, 'db1');
    await db2.until(STANDBYS, 'db1|streaming|async');
    await db2.sql(NAMES, RELOAD);
    await db2.until(STANDBYS, 'db1|streaming|sync');
    await add(5);

    await db2.stop('fast');
    await db1.promote();
    await db1.sql('alter system reset synchronous_standby_names', RELOAD);
    await add(6);
    for (const [artifact, index] of acknowledged) assert.equal(await log.indexOf(artifact), index);
    assert.deepEqual([...acknowledged.values()], [0, 1, 2, 3, 4, 5, 6]);
    const { complete, problems, size } = await log.fsck();
    assert.deepEqual([complete, problems, size], [true, [], 7]);
  } finally {
    await log.close();
  }
}

interface Opened {
  post(artifact: number): Promise<{ status: number; index: number | undefined }>;
  /** As a client that comes again when it is told to. */
  indexOf(artifact: number): Promise<number>;
  fsck(): Promise<{ complete: boolean; problems: string[]; size: number }>;
  close(): Promise<void>;
}

async function openLog(base: string, connectionString: string): Promise<Opened> {
  const metrics = createMetrics();
  const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
  const markFile = join(base, 'mark');
  const handle = await composeLog({
    connectionString,
    logger: silentLogger,
    metrics,
    clock: systemClock,
    logs: [{ name: 'log', origin: 'log.example.com', kind: 'rekor-v2', signer, create: true, markFile }],
    requireDurableDatabase: true,
  });
  const server = createHttpServer({ logger: silentLogger, metrics });
  await server.app.register(handle.routes);
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
  const bodyOf = entryBody();
  const post: Opened['post'] = async (artifact) => {
    const url = `http://127.0.0.1:${port}/api/v2/log/entries`;
    const response = await fetch(url, { method: 'POST', body: bodyOf(artifact) });
    const json = (await response.json()) as { logIndex?: string; message?: string };
    const index = json.logIndex ?? /with index (\d+)/.exec(json.message ?? '')?.[1];
    return { status: response.status, index: index === undefined ? undefined : Number(index) };
  };
  return {
    post,
    async indexOf(artifact) {
      const endMs = performance.now() + 60_000;
      for (;;) {
        const { status, index } = await post(artifact);
        if (index !== undefined) return index;
        assert.ok(status === 503 && performance.now() < endMs, `artifact ${artifact}: ${status}`);
      }
    },
    fsck: () => handle.fsck('log'),
    async close() {
      await server.close();
      await handle.close();
    },
  };
}
