import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { StoreError } from '../src/core/errors.ts';
import type { LogStore } from '../src/core/ports.ts';
import { testLogs, type TestLogs, text } from './support/test-log.ts';

let logs: TestLogs;
before(async () => {
  logs = await testLogs();
});
after(() => logs.drop());

/** Longer than a checkpoint is held back for news that may be there or not. */
const SLOW_MS = 2500;

/** A store whose settled reads go through `settle`. */
const settling =
  (settle: (store: LogStore) => LogStore['settle']) =>
  (store: LogStore): LogStore => ({ ...store, settle: settle(store) });

test('one address, several processes: what another has committed is waited for, nothing older is shown after it', async () => {
  let slow = false;
  const wrap = settling((store) => async (question) => {
    const view = await store.settle(question);
    if (slow) await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    return view;
  });
  const [here, other] = [await logs.open({ wrap }), await logs.open()];
  await here.tree.refresh(1, 0);
  const { index } = await other.sequencer.append(text('shown by the other'));
  slow = true;
  await here.tree.refresh(2, 0);
  assert.equal(here.tree.published.head.size, index + 1);
});

test('one address, several processes: who knows of a newer tree and cannot have it shows none', async () => {
  let down = false;
  const wrap = settling((store) => (question) => {
    if (down) return Promise.reject(new StoreError('lost', 'no answer'));
    return store.settle(question);
  });
  const [here, other] = [await logs.open({ wrap }), await logs.open()];
  await here.tree.refresh(1, 0);
  down = true;
  // Nothing newer is known: what there is, is shown.
  await here.tree.refresh(2, 0);
  const { index } = await other.sequencer.append(text('shown by the other, then silence'));
  await assert.rejects(here.tree.refresh(3, 0), { code: 'unavailable' });
  down = false;
  await here.tree.refresh(4, 0);
  assert.equal(here.tree.published.head.size, index + 1);
});

test('an address of its own: a checkpoint is shown without news that cannot be had', async () => {
  const wrap = settling((store) => (question) => {
    if (question.afterSize > 0) return Promise.reject(new StoreError('lost', 'no answer'));
    return store.settle(question);
  });
  const [other, here] = [await logs.open(), await logs.open({ wrap })];
  await other.sequencer.append(text('somewhere else'));
  await here.tree.refresh(1, 500);
});
