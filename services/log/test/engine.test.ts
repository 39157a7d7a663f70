import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { TreeEdge, verifyInclusion } from '@sigstead/merkle';
import { StoreError } from '../src/core/errors.ts';
import { fsck } from '../src/core/fsck.ts';
import type { LogStore, Personality } from '../src/core/ports.ts';
import { QUEUE_LIMITS } from '../src/engine/queue.ts';
import { fakeClock, hasher, poison, testLogs, type TestLogs, text, textPersonality } from './support/test-log.ts';

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
  assert.deepEqual(head, {
    ...receipt.head,
    root: Buffer.from(receipt.head.root),
    note: Buffer.from(receipt.head.note),
  });
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
  assert.deepEqual(
    log.metrics.batches.map((b) => b.entries),
    [2],
  );
  assert.equal(results[1].status, 'rejected');
  assert.deepEqual(
    results.map((r) => (r.status === 'fulfilled' ? [r.value.kind, r.value.index - base] : 'failed')),
    [['added', 0], 'failed', ['added', 1], ['duplicate', 0]],
  );
});

/** A store whose inserts wait until they are let go. */
function gated(): { wrap: (store: LogStore) => LogStore; waiting: () => Promise<void>; open: () => void } {
  let arrived: () => void = () => undefined;
  let open: () => void = () => undefined;
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    waiting: () => arrival,
    open: () => open(),
    wrap: (store) => ({
      ...store,
      begin: async () => {
        arrived();
        await gate;
        return store.begin();
      },
    }),
  };
}

test('a full queue refuses at once, uses no index, and takes again when there is room', async () => {
  const gate = gated();
  const log = await logs.open({ wrap: gate.wrap, limits: { ...QUEUE_LIMITS, maxEntries: 2 } });
  const base = log.tree.published.head.size;
  const taken = [log.sequencer.append(text('q1'))];
  await gate.waiting();
  taken.push(log.sequencer.append(text('q2')), log.sequencer.append(text('q3')));
  await assert.rejects(log.sequencer.append(text('q4')), {
    code: 'queue_full',
    message: 'reached max pushback; retry',
  });
  assert.throws(() => log.sequencer.checkRoom(), { code: 'queue_full' });
  gate.open();
  assert.deepEqual(
    (await Promise.all(taken)).map((r) => r.index - base),
    [0, 1, 2],
  );
  assert.equal((await log.sequencer.append(text('q4'))).index - base, 3);
});

test('the queue is bounded in bytes too, and a batch in both', async () => {
  const gate = gated();
  const limits = { maxEntries: 100, maxBytes: 50, maxBatchEntries: 3, maxBatchBytes: 20 };
  const log = await logs.open({ wrap: gate.wrap, limits });
  const taken = [log.sequencer.append(text('w0'))];
  await gate.waiting();
  const values = ['aaaaaaaaaa', 'bbbbbbbbbb', 'cccccccccc', 'd', 'e', 'f', 'g'];
  taken.push(...values.map((value) => log.sequencer.append(text(value))));
  await assert.rejects(log.sequencer.append(text('x'.repeat(20))), { code: 'queue_full' });
  gate.open();
  await Promise.all(taken);
  assert.deepEqual(
    log.metrics.batches.map((b) => b.entries),
    [1, 2, 3, 2],
  );
});

test('a caller that leaves before its batch begins leaves nothing in the log; one that leaves later is told so', async () => {
  const gate = gated();
  const log = await logs.open({ wrap: gate.wrap });
  const base = log.tree.published.head.size;
  const [early, late] = [new AbortController(), new AbortController()];
  const first = log.sequencer.append(text('stays'), late.signal);
  await gate.waiting();
  const second = log.sequencer.append(text('leaves'), early.signal);
  early.abort();
  late.abort();
  await assert.rejects(first, { code: 'cancelled' });
  await assert.rejects(second, { code: 'cancelled' });
  gate.open();
  assert.deepEqual(await log.sequencer.append(text('stays')), { kind: 'duplicate', index: base });
  assert.equal((await log.sequencer.append(text('leaves'))).index, base + 1);
});

test('closing answers everything that was taken and takes nothing more', async () => {
  const log = await logs.open();
  const taken = Array.from({ length: 30 }, (_, i) => log.sequencer.append(text(`closing ${i}`)));
  const closed = log.close();
  await assert.rejects(log.sequencer.append(text('too late')), { code: 'closing' });
  assert.equal((await Promise.allSettled(taken)).filter((r) => r.status === 'fulfilled').length, 30);
  await closed;
});

test('an entry whose data the database refuses is found and fails alone', async () => {
  const wrap = (store: LogStore): LogStore => ({
    ...store,
    begin: async () => {
      const tx = await store.begin();
      return {
        ...tx,
        insert: async (rows) => {
          const bad = rows.records.some((record) => Buffer.from(record.leaf).includes('unstorable'));
          if (bad) throw new StoreError('refused', '22021 invalid byte sequence', { dataFault: true });
          return tx.insert(rows);
        },
      };
    },
  });
  const pauses: number[] = [];
  const log = await logs.open({ wrap, pause: (ms) => Promise.resolve(void pauses.push(ms)) });
  const base = log.tree.published.head.size;
  const values = ['d0', 'd1', 'd2', 'unstorable', 'd4', 'd5', 'd6'];
  const results = await Promise.allSettled(values.map((value) => log.sequencer.append(text(value))));
  assert.deepEqual(
    results.map((r) => (r.status === 'fulfilled' ? r.value.index - base : (r.reason as { code: string }).code)),
    [0, 1, 2, 'unavailable', 3, 4, 5],
  );
  assert.deepEqual(pauses, [], 'the others are not kept waiting for it');
});

/** A personality that signs something else than it is asked to, in one way. */
function lying(change: (claim: Parameters<Personality['signHead']>[0]) => typeof claim): Personality {
  const honest = textPersonality();
  return { ...honest, signHead: (claim) => honest.signHead(claim.size === 0 ? claim : change(claim)) };
}

test('a note that says something else, or does not verify, is neither stored nor acknowledged', async () => {
  const personalities: Personality[] = [
    lying((claim) => ({ ...claim, size: claim.size + 1 })),
    lying((claim) => ({ ...claim, root: new Uint8Array(32) })),
    {
      ...textPersonality(),
      signHead: async (c) => (await textPersonality().signHead(c)).map((b, i) => (i === 3 ? b ^ 1 : b)),
    },
    { ...textPersonality(), signHead: () => Promise.reject(new Error('the key is out of reach')) },
  ];
  for (const personality of personalities) {
    const sound = await logs.open();
    const { size } = sound.tree.published.head;
    const log = await logs.open({ personality });
    await assert.rejects(log.sequencer.append(text('unsigned')), /failed to integrate entry/);
    assert.equal((await log.store.settle({ afterSize: 0 })).head.size, size);
  }
});

test('an edge damaged in memory is caught before anything is stored: the new tree must extend the stored head', async () => {
  const log = await logs.open();
  await log.sequencer.append(text('before the bit flips'));
  const { size } = log.tree.published.head;
  const { edge } = log.tree.known;
  const damaged = Object.create(edge) as typeof edge;
  damaged.append = (hashes) => {
    // As if the leaf hash that the edge keeps of the last entry had changed.
    const partials = edge.partialBytes();
    partials[0]![partials[0]!.length - 1]! ^= 1;
    const other = edgeFrom(edge.size, partials);
    return other.append(hashes);
  };
  damaged.root = () => edge.root();
  const known = log.tree.known as { edge: typeof edge };
  known.edge = damaged;
  await assert.rejects(log.sequencer.append(text('after it')), { code: 'internal' });
  assert.equal(log.metrics.proofFailures, 1);
  assert.equal((await log.store.settle({ afterSize: 0 })).head.size, size);
});

function edgeFrom(size: number, partials: Uint8Array[]): TreeEdge {
  const root = TreeEdge.empty(hasher).append(leaves(size, partials)).edge.root();
  return TreeEdge.restore({ hasher, size, partials, root });
}

/** Leaf hashes of a tree below 256 entries, out of its only partial tile. */
function leaves(size: number, [tile = new Uint8Array(0)]: Uint8Array[]): Uint8Array[] {
  return Array.from({ length: size }, (_, i) => tile.subarray(i * 32, i * 32 + 32));
}

test('random batches behave like a list: same indexes, same duplicates, same tree', async (t) => {
  const own = await testLogs();
  t.after(() => own.drop());
  const log = await own.open({ limits: { ...QUEUE_LIMITS, maxBatchEntries: 7 } });
  const model: string[] = [];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(120), { minLength: 1, maxLength: 40 }), async (numbers) => {
      const receipts = await Promise.all(numbers.map((n) => log.sequencer.append(text(`m${n}`))));
      numbers.forEach((n, i) => {
        const known = model.indexOf(`m${n}`);
        assert.equal(receipts[i]?.kind, known === -1 ? 'added' : 'duplicate');
        if (known === -1) model.push(`m${n}`);
        assert.equal(receipts[i]?.index, model.indexOf(`m${n}`));
      });
      const naive = naiveRoot(model.map((value) => hasher.leaf(Buffer.from(value))));
      assert.deepEqual(Buffer.from(log.tree.published.head.root), Buffer.from(naive));
    }),
    { numRuns: 40 },
  );
  const report = await fsck({ store: log.store, personality: textPersonality(), hasher });
  assert.deepEqual([report.size, report.problems], [model.length, []]);
});

/** SPEC: RFC 6962 §2.1, word for word. */
function naiveRoot(hashes: Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return hasher.empty();
  if (hashes.length === 1) return hashes[0]!;
  let k = 1;
  while (k * 2 < hashes.length) k *= 2;
  return hasher.node(naiveRoot(hashes.slice(0, k)), naiveRoot(hashes.slice(k)));
}

test('more batches than milliseconds: where time must grow the next batch waits for the clock, it is not refused', async (t) => {
  const own = await testLogs();
  t.after(() => own.drop());
  const clock = fakeClock();
  const pauses: number[] = [];
  const log = await own.open({
    personality: textPersonality({ strictTime: true }),
    clock,
    pause(ms) {
      pauses.push(ms);
      clock.set(clock.nowMs() + ms);
      return Promise.resolve();
    },
  });
  for (let n = 0; n < 40; n++) {
    const receipt = await log.sequencer.append(text(`tick ${n}`));
    assert.ok(receipt.kind === 'added' && receipt.head.timestampMs - clock.nowMs() <= 11);
  }
  assert.ok(pauses.length > 0);
});
