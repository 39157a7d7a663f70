import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { LogStore, Mark, MarkStore } from '../src/core/ports.ts';
import { testLogs, type TestLogs, text } from './support/test-log.ts';

let logs: TestLogs;
before(async () => {
  logs = await testLogs();
});
after(() => logs.drop());

/** A mark in memory that several opened logs share. */
function sharedMark(): MarkStore {
  let mark: Mark | undefined;
  return {
    read: () => Promise.resolve(mark),
    async advance(next, contains) {
      if (mark !== undefined && mark.size < next.size) await contains(mark);
      if (mark === undefined || next.size > mark.size) mark = next;
      return mark;
    },
  };
}

/** A store whose settled reads are held back, once they have been made, until they are let go. */
function heldSettle(): { wrap: (store: LogStore) => LogStore; hold: () => { made: Promise<void>; letGo: () => void } } {
  let gate: { made: () => void; held: Promise<void> } | undefined;
  return {
    wrap: (store) => ({
      ...store,
      async settle(question) {
        const view = await store.settle(question);
        const held = gate;
        gate = undefined;
        held?.made();
        await held?.held;
        return view;
      },
    }),
    hold() {
      const made = Promise.withResolvers<void>();
      const held = Promise.withResolvers<void>();
      gate = { made: made.resolve, held: held.promise };
      return { made: made.promise, letGo: held.resolve };
    },
  };
}

test('a mark that another process raises during a catch-up is no contradiction', async () => {
  const mark = sharedMark();
  const held = heldSettle();
  const reader = await logs.open({ mark, wrap: held.wrap });
  const writer = await logs.open({ mark });
  await writer.sequencer.append(text('before'));
  const { made, letGo } = held.hold();
  const caughtUp = reader.tree.catchUp();
  await made;
  await writer.sequencer.append(text('meanwhile'));
  letGo();
  await caughtUp;
  assert.equal(reader.tree.haltedBy, undefined);
});

test('a mark that another process raises while a process starts is no contradiction', async () => {
  const mark = sharedMark();
  const held = heldSettle();
  const writer = await logs.open({ mark, newMark: { atLeast: 0 } });
  await writer.sequencer.append(text('there before the start'));
  const { made, letGo } = held.hold();
  const starting = logs.open({ mark, wrap: held.wrap });
  await made;
  await writer.sequencer.append(text('there during the start'));
  letGo();
  assert.equal((await starting).tree.haltedBy, undefined);
});

test('who asks for what was appended after a running catch-up began gets it', async () => {
  const held = heldSettle();
  const [reader, writer] = [await logs.open({ wrap: held.wrap }), await logs.open()];
  await writer.sequencer.append(text('old news'));
  const { made, letGo } = held.hold();
  const early = reader.tree.catchUp();
  await made;
  const receipt = await writer.sequencer.append(text('news'));
  const late = reader.tree.catchUp();
  letGo();
  await Promise.all([early, late]);
  assert.ok(receipt.index < reader.tree.published.head.size);
});

test('a duplicate is named only once the tree shown here holds it', async () => {
  const held = heldSettle();
  let committed = Promise.withResolvers<void>();
  const wrap = (store: LogStore): LogStore => ({
    ...held.wrap(store),
    async begin() {
      const tx = await store.begin();
      return { ...tx, commit: () => tx.commit().finally(() => committed.resolve()) };
    },
  });
  const [here, other] = [await logs.open({ wrap }), await logs.open()];
  await here.sequencer.append(text('looked once'));
  committed = Promise.withResolvers();
  const { made, letGo } = held.hold();
  const early = here.tree.catchUp();
  await made;
  const first = await other.sequencer.append(text('twin'));
  const second = here.sequencer.append(text('twin'));
  void committed.promise.then(() => setImmediate(letGo));
  await early;
  assert.deepEqual(await second, { kind: 'duplicate', index: first.index });
  assert.ok(here.tree.published.head.size > first.index);
});
