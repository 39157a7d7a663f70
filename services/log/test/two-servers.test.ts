import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { LogStore } from '../src/core/ports.ts';
import { sameHead } from '../src/core/state.ts';
import type { OpenLog } from '../src/open-log.ts';
import { testLogs, text } from './support/test-log.ts';

interface Divided {
  log: OpenLog;
  /** Another process at the primary from before. */
  beside: OpenLog;
  /** A writer at the other primary. */
  others: OpenLog;
  /** From now on questions go to the other primary, entries still to the one from before. */
  divide: (hold?: Promise<void>) => void;
  /** Called when COMMIT is about to be sent. */
  beforeCommit: (run: () => Promise<void>) => void;
}

/** Two live primaries with the same past; what a process asks and what it writes may lead to different ones. */
async function divided(t: TestContext): Promise<Divided> {
  const [here, there] = await Promise.all([testLogs(), testLogs()]);
  t.after(() => Promise.all([here.drop(), there.drop()]));
  const other = await there.store();
  const others = await there.open();
  const beside = await here.open();
  let asked: LogStore | undefined;
  let held: Promise<void> | undefined;
  let before: (() => Promise<void>) | undefined;
  const log = await here.open({
    wrap: (store) => ({
      ...store,
      async settle(question) {
        const view = await (asked ?? store).settle(question);
        await held;
        return view;
      },
      headRoot: (size) => (asked ?? store).headRoot(size),
      leafHashes: (range) => (asked ?? store).leafHashes(range),
      async begin() {
        const tx = await store.begin();
        return {
          ...tx,
          async commit() {
            const run = before;
            before = undefined;
            await run?.();
            await tx.commit();
          },
        };
      },
    }),
  });
  for (const each of [log, others]) await each.sequencer.append(text('a common past'));
  return {
    log,
    beside,
    others,
    divide(hold) {
      asked = other;
      held = hold;
    },
    beforeCommit(run) {
      before = run;
    },
  };
}

const append = (log: OpenLog, ...values: string[]): Promise<PromiseSettledResult<unknown>[]> =>
  Promise.allSettled(values.map((value) => log.sequencer.append(text(value))));

test('a batch that one server took while another server told of another tree is never shown', async (t) => {
  const { log, others, divide, beforeCommit } = await divided(t);
  await append(others, 'there');
  beforeCommit(async () => {
    divide();
    await log.tree.catchUp();
  });
  const outcomes = await append(log, 'here 1', 'here 2');
  const shown = log.tree.published.head;
  assert.ok(sameHead(shown, others.tree.published.head));
  assert.deepEqual(
    outcomes.map((each) => (each.status === 'rejected' ? (each.reason as { code?: string }).code : 'answered')),
    ['halted', 'halted'],
  );
  assert.match(String(log.tree.haltedBy?.detail), /are of two trees/);
});

test('what a second server tells of another tree is never shown after a batch that the first one took', async (t) => {
  const { log, others, divide } = await divided(t);
  await append(others, 'there 1', 'there 2');
  const held = Promise.withResolvers<void>();
  divide(held.promise);
  const caughtUp = assert.rejects(log.tree.catchUp(), { code: 'halted' });
  await append(log, 'here');
  const shown = log.tree.published.head;
  assert.equal(shown.size, 2);
  held.resolve();
  await caughtUp;
  assert.equal(log.tree.published.head, shown);
  assert.match(String(log.tree.haltedBy?.detail), /are of two trees/);
});

test('an index that one server has for an entry is not told once another server told of another tree', async (t) => {
  const { log, others, beside, divide, beforeCommit } = await divided(t);
  await append(others, 'there 1', 'there 2');
  await append(beside, 'here');
  beforeCommit(async () => {
    divide();
    await log.tree.catchUp();
  });
  const [outcome] = await append(log, 'here');
  assert.equal(outcome?.status, 'rejected');
  assert.match(String(log.tree.haltedBy?.detail), /are of two trees/);
});
