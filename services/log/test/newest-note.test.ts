import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { StoreError } from '../src/core/errors.ts';
import type { LogStore } from '../src/core/ports.ts';
import { openPool, silentLogger } from '@sigstead/platform';
import { postgresStore } from '../src/store/postgres-store.ts';
import { fakeClock, testLogs, type TestLogs, text } from './support/test-log.ts';

let logs: TestLogs;
before(async () => {
  logs = await testLogs();
});
after(() => logs.drop());

test('a new note of an unchanged size reaches other processes, even one of the same millisecond', async () => {
  const clock = fakeClock();
  const [reader, writer] = [await logs.open({ clock }), await logs.open({ clock })];
  await writer.sequencer.append(text('one size, several notes'));
  await reader.tree.catchUpIfBehind();
  const first = reader.tree.published.head;
  for (let ordinal = 1; ordinal <= 3; ordinal++) {
    await writer.sequencer.refreshHead();
    assert.equal(writer.tree.published.head.ordinal, ordinal);
    assert.equal(writer.tree.published.head.timestampMs, first.timestampMs);
    await reader.tree.catchUpIfBehind();
    assert.equal(reader.tree.published.head.ordinal, ordinal);
    assert.deepEqual(reader.tree.published.head.note, writer.tree.published.head.note);
  }
  assert.equal(reader.tree.published.head.size, first.size);
});

test('an older note of the same size never takes the place of a newer one in memory', async () => {
  const log = await logs.open();
  await log.sequencer.append(text('signed, then signed again'));
  const older = log.tree.known;
  await log.sequencer.refreshHead();
  const newer = log.tree.published.head;
  assert.ok(newer.ordinal > older.head.ordinal);
  await log.tree.accept(older);
  assert.equal(log.tree.published.head, newer);
  assert.equal(log.tree.known.head, newer);
});

/** Locked reads that show another head than the one that is stored. */
function misled(): { wrap: (store: LogStore) => LogStore; mislead: () => void } {
  let isMisled = false;
  return {
    mislead() {
      isMisled = true;
    },
    wrap: (store) => ({
      ...store,
      async begin() {
        const tx = await store.begin();
        return {
          ...tx,
          async look(question) {
            const view = await tx.look(question);
            return isMisled ? { ...view, head: { ...view.head, root: new Uint8Array(32) } } : view;
          },
        };
      },
    }),
  };
}

test('a head refresh that meets another tree of the same size halts the log, and signs nothing', async () => {
  const { wrap, mislead } = misled();
  const log = await logs.open({ wrap });
  await log.sequencer.append(text('before the fork'));
  const { size } = log.tree.published.head;
  const notes = await notesOf(size);
  mislead();
  await assert.rejects(log.sequencer.refreshHead(), { code: 'halted' });
  assert.match(String(log.tree.haltedBy?.detail), /is a fork of the head this process has seen/);
  await assert.rejects(log.sequencer.append(text('after it')), { code: 'halted' });
  await assert.rejects(log.sequencer.refreshHead(), { code: 'halted' });
  assert.equal(await notesOf(size), notes);
});

async function notesOf(size: number): Promise<number> {
  const { rows } = await logs.pool.query<{ count: bigint }>('select count(*) from log.notes where size = $1', [size]);
  return Number(rows[0]?.count);
}

test('a pool that fails in a catch-up is a database without an answer, not a fault of the log: the next try goes on', async (t) => {
  const { connectionString } = logs.database;
  const broken = openPool({ connectionString, logger: silentLogger, max: 1 });
  await broken.end();
  const store = postgresStore({ connectionString, pool: broken, logId: 1 });
  t.after(() => store.close());
  await assert.rejects(store.leafHashes({ begin: 0, end: 1 }), { name: 'StoreError', code: 'lost' });

  let fails = false;
  const wrap = (sound: LogStore): LogStore => ({
    ...sound,
    leafHashes: (range) => (fails ? store.leafHashes(range) : sound.leafHashes(range)),
    async begin() {
      const tx = await sound.begin();
      return {
        ...tx,
        async commit() {
          await tx.commit();
          if (!fails) return;
          // Others append before it can be asked what became of this one, so the catch-up needs the pool.
          await other.sequencer.append(text('appended meanwhile'));
          throw new StoreError('unknown', 'COMMIT was not acknowledged');
        },
      };
    },
  });
  let pauses = 0;
  const pause = (): Promise<void> => {
    pauses += 1;
    if (pauses === 3) fails = false;
    return Promise.resolve();
  };
  const [here, other] = [await logs.open({ wrap, pause }), await logs.open()];
  await here.sequencer.append(text('warm'));
  await other.tree.catchUp();
  const { size } = here.tree.published.head;
  fails = true;
  const receipt = await here.sequencer.append(text('of unknown outcome'));
  assert.deepEqual([receipt.kind, receipt.index], ['added', size]);
  assert.ok(pauses >= 3, 'the failing pool was asked until it answered');
  assert.equal(here.tree.haltedBy, undefined);
  assert.equal(here.tree.published.head.size, size + 2);
});
