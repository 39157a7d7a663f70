import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifyInclusion } from '@sigstead/merkle';
import { hasher, poison, testLogs, type TestLogs, text, textPersonality } from './support/test-log.ts';

let logs: TestLogs;
before(async () => {
  logs = await testLogs();
});
after(() => logs.drop());

test('an entry is acknowledged with a proof under the head that was stored with it', async () => {
  const log = await logs.open();
  const receipt = await log.sequencer.append(text('first'));
  assert.equal(receipt.kind, 'added');
  assert.ok(receipt.kind === 'added');
  const opened = textPersonality().openHead(receipt.head.note);
  verifyInclusion({
    hasher,
    index: receipt.index,
    size: opened.size,
    leafHash: hasher.leaf(Buffer.from('first')),
    proof: receipt.proof,
    root: opened.root,
  });
  const { head } = await log.store.settle({ afterSize: 0 });
  assert.deepEqual(head, { ...receipt.head, root: Buffer.from(receipt.head.root), note: Buffer.from(receipt.head.note) });
});

test('entries that arrive together are one batch, and a poison entry in it fails alone', async () => {
  const log = await logs.open();
  const base = log.tree.published.head.size;
  const results = await Promise.allSettled([
    log.sequencer.append(text('a')),
    log.sequencer.append(poison('p')),
    log.sequencer.append(text('b')),
    log.sequencer.append(text('a')),
  ]);
  assert.deepEqual(log.metrics.batches.map((b) => b.entries), [2]);
  assert.equal(results[1].status, 'rejected');
  assert.deepEqual(
    results.map((r) => (r.status === 'fulfilled' ? [r.value.kind, r.value.index - base] : 'failed')),
    [['added', 0], 'failed', ['added', 1], ['duplicate', 0]],
  );
});
