import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, suite, test } from 'node:test';
import { silentLogger } from '@sigstead/platform';
import { testDatabase, type TestDatabase } from '@sigstead/test';
import { bindInstance, type Database, openDatabase } from '../src/dev/database.ts';
import type { Instance } from '../src/dev/instance-file.ts';
import { Failure } from '../src/failure.ts';
import { LAUNCHER, run } from './running.ts';

function instance(databaseBound: boolean): Instance {
  return { format: 1, id: randomUUID(), createdMs: 0, databaseBound, selfTested: databaseBound };
}

suite('database and data folder belong together', () => {
  let made: TestDatabase;
  let database: Database;
  beforeEach(async () => {
    made = await testDatabase();
    database = {
      connectionString: made.connectionString,
      isOwn: true,
      lost: new Promise(() => undefined),
      close: async () => undefined,
    };
  });
  const bind = (of: Instance): Promise<void> => bindInstance(database, of, '/data', silentLogger);

  test('an empty database takes a new instance, and knows it again', async () => {
    const own = instance(false);
    await bind(own);
    await bind(own);
    await bind({ ...own, databaseBound: true });
    await made.drop();
  });

  test('a database of another instance is refused, new or old', async () => {
    await bind(instance(false));
    for (const other of [instance(false), instance(true)]) {
      await assert.rejects(bind(other), (error) => {
        assert.ok(error instanceof Failure);
        assert.match(error.message, /belongs to another instance than the data folder \/data: choose/);
        return true;
      });
    }
    await made.drop();
  });

  test('an empty database under a known instance is a loss and never filled again', async () => {
    await assert.rejects(bind(instance(true)), /holds nothing of the instance in \/data: restore it/);
    await bind(instance(false));
    await made.drop();
  });

  test('of several new instances that meet, exactly one gets the database', async () => {
    const results = await Promise.allSettled(Array.from({ length: 4 }, () => bind(instance(false))));
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    await made.drop();
  });
});

suite('a database of one’s own', () => {
  const open = (url: string): Promise<Database> =>
    openDatabase({ url, folder: '/nowhere', logger: silentLogger, onProgress: () => undefined });

  test('that cannot be reached is said in one line, without its password', async () => {
    for (const url of ['postgresql://me:geheim@127.0.0.1:1/db', 'postgresql://me:geheim@no-such-host.invalid/db']) {
      await assert.rejects(open(url), (error) => {
        assert.ok(error instanceof Failure);
        assert.match(error.message, /^cannot reach the database of DATABASE_URL at .*\/db: /);
        assert.doesNotMatch(error.message, /geheim|\n/);
        return true;
      });
    }
  });

  test('must be given as a URL', async () => {
    await assert.rejects(open('host=localhost dbname=x'), /must be like postgresql:/);
  });
});

suite('bad starts end in one line and exit code 1', () => {
  let base: string;
  before(async () => {
    base = await mkdtemp(join(tmpdir(), 'sigstead-bad-'));
  });
  after(() => rm(base, { recursive: true, force: true }));

  test('database unreachable', async () => {
    const env = { DATABASE_URL: 'postgresql://me:geheim@127.0.0.1:1/db', XDG_CACHE_HOME: base };
    const ended = await run(LAUNCHER, ['dev', '--port', '0', '--data', join(base, 'd')], env).ended;
    assert.equal(ended.code, 1);
    const errors = ended.output.split('\n').filter((line) => line.startsWith('sigstead: '));
    assert.equal(errors.length, 1, ended.output);
    assert.match(errors[0] ?? '', /cannot reach the database of DATABASE_URL at 127\.0\.0\.1:1\/db/);
    assert.doesNotMatch(ended.output, /geheim/);
  });

  test('unknown option', async () => {
    const ended = await run(LAUNCHER, ['dev', '--prot', '1'], { XDG_CACHE_HOME: base }).ended;
    assert.equal(ended.code, 2);
    assert.match(ended.output, /^sigstead: unknown option "--prot" \(see sigstead dev --help\)\n$/);
  });
});
