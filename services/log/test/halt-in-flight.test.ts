import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { halted } from '../src/core/state.ts';
import type { SequencingTransaction } from '../src/core/ports.ts';
import type { OpenLog } from '../src/open-log.ts';
import { postgresStore } from '../src/store/postgres-store.ts';
import { SESSION_LIMITS } from '../src/store/session.ts';
import { testLogs, type TestLogs, text } from './support/test-log.ts';

let logs: TestLogs;
before(async () => {
  logs = await testLogs();
});
after(() => logs.drop());

/** A log that stops, for a reason found elsewhere, once a transaction has got so far. */
async function stoppedAfter(step: 'begin' | 'look' | 'insert' | 'insertNote'): Promise<OpenLog> {
  let armed = false;
  const halt = (): void => {
    if (armed) log.tree.halt(halted('a reader has found that the tree is damaged'));
  };
  const log = await logs.open({
    wrap: (store) => ({
      ...store,
      async begin() {
        const tx = await store.begin();
        if (step === 'begin') halt();
        const then =
          <A extends unknown[], R>(name: string, run: (...args: A) => Promise<R>) =>
          async (...args: A): Promise<R> => {
            const result = await run(...args);
            if (step === name) halt();
            return result;
          };
        return {
          ...tx,
          look: then('look', (question: Parameters<SequencingTransaction['look']>[0]) => tx.look(question)),
          insert: then('insert', (rows: Parameters<SequencingTransaction['insert']>[0]) => tx.insert(rows)),
          insertNote: then('insertNote', (head: Parameters<SequencingTransaction['insertNote']>[0]) =>
            tx.insertNote(head),
          ),
        };
      },
    }),
  });
  await log.sequencer.append(text(`before it stops after ${step}`));
  armed = true;
  return log;
}

for (const step of ['begin', 'look', 'insert'] as const) {
  test(`a log that stops while a batch is under way (after ${step}) stores nothing more`, async () => {
    const log = await stoppedAfter(step);
    const { size } = log.tree.published.head;
    await assert.rejects(log.sequencer.append(text(`in flight at ${step}`)), { code: 'halted' });
    assert.equal((await log.store.settle({ afterSize: 0 })).head.size, size);
  });
}

test('a log that stops while its head is signed anew stores no note more', async () => {
  const log = await stoppedAfter('insertNote');
  await assert.rejects(log.sequencer.refreshHead(), { code: 'halted' });
  assert.equal((await log.store.settle({ afterSize: 0 })).head.ordinal, 0);
});

test('a new connection that did not get the lock is still one that the next settled read must follow', async (t) => {
  const { rows } = await logs.pool.query<{ log_id: number }>('select log_id from log.logs');
  const logId = rows[0]?.log_id ?? assert.fail('there is no log');
  const { connectionString } = logs.database;
  const limits = { ...SESSION_LIMITS, lockMs: 50 };
  const store = postgresStore({ connectionString, pool: logs.pool, logId, limits });
  t.after(() => store.close());
  const other = new pg.Client({ connectionString });
  await other.connect();
  t.after(() => other.end());
  await store.settle({ afterSize: 0 });
  await other.query('begin; select 1 from log.locks for update');
  await assert.rejects(store.begin(), { code: 'refused' });
  await other.query('rollback');
  await (await store.begin()).rollback();
  await assert.rejects(store.headRoot(0), { code: 'lost', message: /has not been compared yet/ });
  await store.settle({ afterSize: 0 });
  assert.notEqual(await store.headRoot(0), undefined);
});
