import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { StoreError } from '../src/core/errors.ts';
import type { LogStore } from '../src/core/ports.ts';
import { fileMark } from '../src/mark/file-mark.ts';
import { testLogs, type TestLogs, text } from './support/test-log.ts';

const KEY = 'ab'.repeat(32);

/** What a fail-over without a synchronous standby does: connections end, and the newest rows are gone. */
async function failOver(logs: TestLogs, lastSize: number): Promise<void> {
  const client = new pg.Client({ connectionString: logs.database.connectionString });
  await client.connect();
  await client.query(`set session_replication_role = replica`);
  for (const [table, column] of Object.entries({
    notes: 'size > $1',
    heads: 'size > $1',
    batches: 'first_index >= $1',
    identities: 'entry_index >= $1',
    leaf_hashes: 'entry_index >= $1',
  })) {
    await client.query(`delete from log.${table} where ${column}`, [lastSize]);
  }
  await client.query(
    `select pg_terminate_backend(pid, 5000) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and application_name = ''`,
  );
  await client.end();
}

async function headSize(log: { store: LogStore }): Promise<number> {
  return (await log.store.settle({ afterSize: 0 })).head.size;
}

async function sharedMarkFile(t: { after(fn: () => unknown): void }): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sigstead-failover-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return path.join(folder, 'mark');
}

test('a connection that was lost while idle: the mark is looked at before anything is signed on the new one', async (t) => {
  const logs = await testLogs();
  t.after(() => logs.drop());
  const file = await sharedMarkFile(t);
  const open = (): ReturnType<TestLogs['open']> => logs.open({ mark: fileMark({ file, key: KEY }) });
  const [idle, busy] = [await open(), await open()];
  await idle.sequencer.append(text('seen by both'));
  await busy.sequencer.append(text('answered, then lost'));
  await failOver(logs, 1);
  const outcomes = await Promise.allSettled([
    idle.sequencer.append(text('in its place')),
    idle.sequencer.append(text('and beyond')),
  ]);
  assert.deepEqual(
    outcomes.map((o) => (o.status === 'rejected' ? (o.reason as { code?: string }).code : o.value.index)),
    ['halted', 'halted'],
  );
  assert.match(String(idle.tree.haltedBy?.detail), /size 1 root .* is below the mark \(size 2 root/);
  assert.equal(await headSize(busy), 1, 'nothing was stored on top of the lost tail');
});

test('a COMMIT of unknown outcome that is settled on a new connection: the mark is looked at before it is answered', async (t) => {
  const logs = await testLogs();
  t.after(() => logs.drop());
  const file = await sharedMarkFile(t);
  const mark = fileMark({ file, key: KEY });
  let lose: (() => Promise<void>) | undefined;
  const here = await logs.open({
    mark,
    wrap: (store) => ({
      ...store,
      async begin() {
        const tx = await store.begin();
        return {
          ...tx,
          async commit() {
            await tx.commit();
            const losing = lose;
            lose = undefined;
            if (losing === undefined) return;
            await losing();
            throw new StoreError('unknown', 'the connection ended');
          },
        };
      },
    }),
  });
  const other = await logs.open({ mark: fileMark({ file, key: KEY }) });
  await here.sequencer.append(text('one'));
  lose = async () => {
    await other.sequencer.append(text('built on it, answered, then lost'));
    await failOver(logs, 2);
  };
  for (const value of ['two', 'three']) {
    await assert.rejects(here.sequencer.append(text(value)), { code: 'halted' });
  }
  assert.match(String(here.tree.haltedBy?.detail), /size 2 root .* is below the mark \(size 3 root/);
  assert.equal(await headSize(here), 2, 'nothing was stored on top of the lost tail');
});
