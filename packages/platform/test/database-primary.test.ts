import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import {
  connectPrimary,
  DatabaseError,
  DatabaseHosts,
  openPool,
  type Pool,
  type PoolOptions,
  silentLogger,
  transaction,
  writeStatement,
} from '@sigstead/platform';
import { type ClusterServer, listOf, TestCluster } from '@sigstead/test';

let cluster: TestCluster;
let primary: ClusterServer;
let standby: ClusterServer;
before(async () => {
  cluster = await TestCluster.open();
  primary = await cluster.primary();
  standby = await cluster.standbyOf(primary);
});
after(() => cluster.close());

async function withPool<T>(options: Partial<PoolOptions>, use: (pool: Pool) => Promise<T>): Promise<T> {
  const connectionString = listOf([standby, primary]);
  const pool = openPool({ connectionString, logger: silentLogger, ...options });
  try {
    return await use(pool);
  } finally {
    await pool.end();
  }
}

const failure =
  (code: string, ...patterns: RegExp[]) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof DatabaseError, String(error));
    assert.equal(error.code, code, error.message);
    for (const pattern of patterns) assert.match(error.message, pattern);
    return true;
  };

/** Takes connections and never says a word. */
async function silentServer(): Promise<{ port: number; server: Server }> {
  const server = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return { server, port: (server.address() as { port: number }).port };
}

test('every connection of a pool over a list leads to the primary, wherever that stands in it', async () => {
  await withPool({ max: 4 }, async (pool) => {
    const asked = await Promise.all(
      Array.from({ length: 12 }, () => pool.query('select pg_is_in_recovery() as standby, pg_sleep(0.01)')),
    );
    assert.deepEqual(new Set(asked.map(({ rows }) => rows[0].standby)), new Set([false]));
    assert.equal(await transaction(pool, async (client) => (await client.query('select 1 as n')).rows[0].n), 1);
  });
});

test('no primary in the list: one error that names each server and why, and never the password', async () => {
  const { host, port } = standby.address;
  const list = `postgresql://sigstead:geheim@localhost/postgres?host=127.0.0.1,${host}&port=1,${port}`;
  const wanted = failure(
    'no_primary',
    /127\.0\.0\.1:1: connect ECONNREFUSED/,
    new RegExp(`${host}:${port}: it is a standby`),
  );
  const connecting = connectPrimary({
    hosts: DatabaseHosts.parse(list),
    needs: { primary: true, writes: true, durable: false },
    connectTimeoutMs: 2000,
  });
  await assert.rejects(connecting, wanted);
  await withPool({ connectionString: list }, async (pool) => {
    await assert.rejects(pool.query('select 1'), (error) => {
      assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes('geheim'));
      return wanted(error);
    });
  });
});

test('a server that takes the connection and says nothing costs its bounded time, not the answer', async () => {
  const silent = await silentServer();
  try {
    const { host, port } = primary.address;
    const list = `postgresql://sigstead@localhost/postgres?host=127.0.0.1,${host}&port=${silent.port},${port}`;
    await withPool({ connectionString: list, connectTimeoutMs: 300 }, async (pool) => {
      assert.equal((await pool.query('select 1 as n')).rows[0].n, 1);
    });
    const alone = `postgresql://sigstead@127.0.0.1:${silent.port}/postgres`;
    await withPool({ connectionString: alone, connectTimeoutMs: 100 }, (pool) =>
      assert.rejects(pool.query('select 1'), failure('no_primary', /127\.0\.0\.1:\d+: /)),
    );
  } finally {
    silent.server.close();
  }
});

test('a standby alone serves only who just reads', async () => {
  const { connectionString } = standby;
  const settings = { default_transaction_read_only: 'on' };
  await withPool({ connectionString, readOnly: true, settings }, async (pool) => {
    assert.equal((await pool.query('select 1 as n')).rows[0].n, 1);
  });
  await withPool({ connectionString }, (pool) =>
    assert.rejects(pool.query('select 1'), failure('no_primary', /it is a standby/)),
  );
  await withPool({ readOnly: true, settings }, async (pool) => {
    assert.equal((await pool.query('select pg_is_in_recovery() as s')).rows[0].s, false, 'a list has its primary');
  });
});

test('a primary that was fenced off by making it read-only is not used', async () => {
  await primary.configure({ default_transaction_read_only: 'on' });
  try {
    await withPool({}, (pool) => assert.rejects(pool.query('select 1'), failure('no_primary', /it is read-only/)));
  } finally {
    const client = await connectPrimary({
      hosts: DatabaseHosts.parse(primary.connectionString),
      needs: { primary: true, writes: false, durable: false },
      connectTimeoutMs: 2000,
    });
    await client.query('set transaction_read_only = off');
    await client.end();
    await primary.configure({ default_transaction_read_only: null });
  }
});

test('settings that may lose what was acknowledged are read on every new connection, by who asks for it', async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ fsync: 'off' }, /fsync=off/],
    [{ full_page_writes: 'off' }, /full_page_writes=off/],
    [{ synchronous_commit: 'off' }, /synchronous_commit=off/],
    [{ synchronous_commit: 'local', synchronous_standby_names: 'standby' }, /synchronous_commit=local/],
    [{ synchronous_commit: 'remote_write', synchronous_standby_names: 'standby' }, /synchronous_commit=remote_write/],
  ];
  for (const [settings, pattern] of cases) {
    await withPool({ durable: true, max: 1 }, async (pool) => {
      const drop = async (): Promise<void> => (await pool.connect()).release(true);
      await drop();
      await primary.configure(settings);
      const refused = assert.rejects(pool.query('select 1'), failure('unsafe_settings', pattern, /it is a standby/));
      const careless = withPool({}, (other) => other.query('select 1'));
      await refused;
      await careless;
      await primary.configure(Object.fromEntries(Object.keys(settings).map((name) => [name, null])));
      await pool.query('select 1');
    });
  }
});

test('a setting of the role is seen as one of the server is', async () => {
  await primary.query('alter role sigstead set synchronous_commit = off');
  try {
    await withPool({ durable: true }, (pool) =>
      assert.rejects(pool.query('select 1'), failure('unsafe_settings', /synchronous_commit=off/)),
    );
  } finally {
    await primary.query('alter role sigstead reset synchronous_commit');
  }
});

test('when all connections are in use only so many wait: the next caller is told at once, and nothing is lost', async () => {
  await withPool({ max: 1, maxWaiting: 3, connectTimeoutMs: 10_000 }, async (pool) => {
    const holder = await pool.connect();
    const waiting = [1, 2, 3].map((n) => pool.query('select $1::int as n', [n]));
    for (const refused of [pool.query('select 4'), transaction(pool, async () => 5), pool.connect()]) {
      await assert.rejects(refused, failure('pool_busy', /all 1 database connections are in use and 3 callers wait/));
    }
    holder.release();
    assert.deepEqual(
      (await Promise.all(waiting)).map(({ rows }) => rows[0].n),
      [1, 2, 3],
    );
    const crowd = await Promise.allSettled(Array.from({ length: 50 }, () => pool.query('select 1')));
    assert.equal(crowd.filter(({ status }) => status === 'fulfilled').length, 4, 'one idle, three that wait');
  });
});

test('who waits for a connection longer than its time is told so', async () => {
  await withPool({ max: 1 }, async (pool) => {
    const holder = await pool.connect();
    // Shorter than the time for connecting, which is not the matter here.
    pool.options.connectionTimeoutMillis = 20;
    await assert.rejects(pool.query('select 1'), failure('pool_busy', /none of the 1 .* became free in time/));
    holder.release();
  });
});

test('a statement has a deadline, by the server and, when that is silent, by us', async () => {
  await withPool({ max: 1, statementTimeoutMs: 50 }, async (pool) => {
    await assert.rejects(pool.query('select pg_sleep(30)'), /statement timeout/);
    assert.equal((await pool.query('select 1 as n')).rows[0].n, 1);
  });
});

test('a COMMIT whose wait for the standby was cancelled is not taken for an acknowledgement', async () => {
  await primary.query('create table if not exists kept (n int)');
  await primary.configure({ synchronous_standby_names: 'standby' });
  await standby.end('fast');
  try {
    await withPool({ max: 2 }, async (pool) => {
      const writing = [
        transaction(pool, (client) => client.query('insert into kept values (1)')),
        writeStatement(pool, { text: 'insert into kept values (2)' }),
      ];
      const rejected = writing.map((one) =>
        assert.rejects(one, failure('commit_unknown', /COMMIT came with a notice/)),
      );
      const waits = "select 1 from pg_stat_activity where wait_event = 'SyncRep' having count(*) = 2";
      await primary.until(waits);
      await primary.query("select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'");
      await Promise.all(rejected);
    });
    assert.deepEqual(await primary.query('select n from kept order by n'), [{ n: 1 }, { n: 2 }], 'they are there');
    await withPool({ statementTimeoutMs: 100 }, async (pool) => {
      // Shorter than in earnest: our own deadline, which the server knows nothing of.
      pool.options.query_timeout = 300;
      await assert.rejects(
        writeStatement(pool, { text: 'insert into kept values (3)' }),
        failure('commit_unknown', /lost/),
      );
      await primary.until("select 1 where not exists (select from pg_stat_activity where wait_event = 'SyncRep')");
    });
  } finally {
    await primary.configure({ synchronous_standby_names: null });
    await standby.startAgain();
  }
});

test('after a failover the pool finds the new primary by itself, with those who wait', async () => {
  const connectionString = listOf([primary, standby]);
  await withPool({ connectionString, max: 2 }, async (pool) => {
    await pool.query('select 1');
    await primary.until("select 1 from pg_stat_replication where state = 'streaming'");
    await primary.end('immediate');
    await standby.promote();
    const later = async (): Promise<unknown> => {
      for (;;) {
        try {
          return (await pool.query('select pg_is_in_recovery() as s')).rows[0].s;
        } catch (error) {
          // Connections that were open when it went may still report their end.
          assert.ok(!(error instanceof DatabaseError), String(error));
        }
      }
    };
    assert.deepEqual(
      await Promise.all(Array.from({ length: 8 }, later)),
      Array.from({ length: 8 }, () => false),
    );
  });
});
