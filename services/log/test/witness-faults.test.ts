import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifyInclusion } from '@sigstead/merkle';
import { fsck } from '../src/core/fsck.ts';
import { publicationStore } from '../src/store/publications.ts';
import { FakeWitness } from './support/fake-witness.ts';
import { hasher, testLogs, type TestLogs } from './support/test-log.ts';
import { entry, personality, type PublicationFault, type WitnessBench, witnessBench } from './support/witness-bench.ts';
import { readNote, until } from './support/witnessed-log.ts';

let logs: TestLogs;
let witness: FakeWitness;
let bench: WitnessBench;
before(async () => {
  [logs, witness] = [await testLogs(), await FakeWitness.start('w')];
  bench = await witnessBench(logs, { witness });
});
after(async () => {
  await bench.close();
  await logs.drop();
  await witness.close();
});

/** Appends an entry and waits for its answer, as createEntry() does. */
async function acknowledged(value: string): Promise<number> {
  const { log } = bench;
  const { index } = await log.sequencer.append(entry(value));
  const leafHash = entry(value).identity;
  const { head, proof } = await log.publication.inclusion(index, leafHash);
  verifyInclusion({ hasher, index, size: head.size, leafHash, proof, root: head.root });
  assert.deepEqual(readNote(head.note, [witness]).by, ['w']);
  return head.size;
}

async function rows(): Promise<[size: number, ordinal: number][]> {
  const found = await logs.pool.query<{ size: string; ordinal: number }>(
    'select size, ordinal from log.publications where log_id = 1 order by ctid',
  );
  return found.rows.map(({ size, ordinal }) => [Number(size), ordinal]);
}

const PAIRS: PublicationFault[] = [
  { step: 'publish', done: false, code: 'lost' },
  { step: 'publish', done: false, code: 'refused' },
  { step: 'publish', done: false, code: 'unknown' },
  { step: 'publish', done: true, code: 'unknown' },
  { step: 'settle', done: false, code: 'lost' },
  { step: 'settle', done: true, code: 'unknown' },
  { step: 'peek', done: false, code: 'lost' },
];

for (const fault of PAIRS) {
  const what = `${fault.step} that fails as ${fault.code} and ${fault.done ? 'was' : 'was not'} done`;
  test(`F66: a ${what} leaves one publication of each checkpoint, and the answer comes`, async () => {
    const struck = bench.struck();
    if (fault.step === 'settle') bench.arm({ step: 'publish', done: true, code: 'unknown' });
    bench.arm(fault);
    const size = await acknowledged(what);
    await until(() => bench.struck() > struck);
    const shown = bench.log.publication.shown?.head;
    assert.ok((shown?.size ?? 0) >= size);
    const all = await rows();
    const sorted = all.toSorted(([a, i], [b, j]) => a - b || i - j);
    assert.deepEqual(all, sorted);
    assert.equal(new Set(all.map(String)).size, all.length);
    assert.equal(all.filter(([each]) => each === size).length, 1);
  });
}

test('F66: publications never go back: neither the store nor the database takes an older one, and of two that are the same one is taken', async () => {
  const size = await acknowledged('before');
  await acknowledged('after');
  const { connectionString } = logs.database;
  const stores = [1, 2].map(() => publicationStore({ connectionString, pool: logs.pool, logId: 1, durable: false }));
  try {
    const older = await logs.pool.query<{ root: Buffer }>('select root from log.heads where log_id = 1 and size = $1', [
      size,
    ]);
    const { root } = older.rows[0]!;
    const wanted = { size, root, ordinal: 1, note: undefined, quorum: true, timestampMs: 1 };
    assert.equal(await stores[0]!.publish(wanted), undefined);
    for (const [at, ordinal] of [
      [size, 1],
      [0, 0],
    ]) {
      const text =
        'insert into log.publications (log_id, size, ordinal, quorum, created_ms) values (1, $1, $2, true, 1)';
      await assert.rejects(logs.pool.query(text, [at, ordinal]), /goes back|duplicate key/);
    }
    await assert.rejects(logs.pool.query('update log.publications set quorum = false'), /append-only/);
    await assert.rejects(logs.pool.query('delete from log.publications'), /append-only/);
    await assert.rejects(logs.pool.query('truncate log.publications'), /append-only/);
    // A new note of the newest head, published twice at once.
    const newest = await stores[0]!.settle();
    const again = { ...newest!, note: newest!.note, quorum: true };
    const taken = await Promise.all(stores.map((store) => store.publish(again)));
    assert.equal(taken.filter((each) => each !== undefined).length, 1);
    assert.equal(await stores[1]!.publish({ ...again, root: Buffer.alloc(32) }), undefined);
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
  const report = await fsck({ store: await logs.store(), personality, hasher });
  assert.deepEqual([report.problems, report.complete], [[], true]);
});

test('F66: a publication that is not of this tree, or that we did not sign, stops the log', async () => {
  const { head } = bench.log.publication.shown!;
  const publication = bench.log.publication as unknown as { adopt(head: unknown): Promise<void> };
  await assert.rejects(publication.adopt({ ...head, ordinal: head.ordinal + 1, root: Buffer.alloc(32) }), {
    code: 'halted',
  });
  assert.match(String(bench.log.tree.haltedBy?.detail), /says another head/);
  assert.equal(bench.log.publication.shown?.head, head);
  await assert.rejects(bench.log.publication.covering(head.size), { code: 'halted' });
});
