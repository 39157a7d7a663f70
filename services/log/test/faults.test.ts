import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { Receipt } from '../src/engine/queue.ts';
import { ANSWER_ROWS, answerRow } from './support/answer-rows.ts';
import { entry, type FaultBench, openFaultBench } from './support/fault-bench.ts';
import { FAULT_ROWS, type FaultRow } from './support/fault-rows.ts';
import { tableOf } from './support/fault-table.ts';

let bench: FaultBench;
before(async () => {
  bench = await openFaultBench();
  await bench.log.sequencer.append(entry('warm'));
});
after(() => bench.close());

const nameOf = ({ step, fault, done }: Pick<FaultRow, 'step' | 'fault' | 'done'>): string =>
  `${step}: ${fault}, ${done ? 'done all the same' : 'not done'}`;

for (const row of FAULT_ROWS) {
  test(`${nameOf(row)}: ${row.told}; the log goes on and is sound`, async () => {
    const size = await sizeOf();
    const session = bench.store.session();
    const values = textsOf(row, size);
    const disarm = await row.arm(bench);
    const outcomes = await Promise.allSettled(values.map((value) => bench.log.sequencer.append(entry(value))));
    await disarm();
    assertTold(row, outcomes, size);
    // Stored whole, once: however it was told.
    assert.equal(await sizeOf(), size + values.length);
    const again = await Promise.all(values.map((value) => bench.log.sequencer.append(entry(value))));
    assert.deepEqual(
      again,
      values.map((_, i) => ({ kind: 'duplicate', index: size + i })),
    );
    await assertGoesOn(size, values);
    if (row.reconnects) assert.notEqual(bench.store.session(), session, 'the same connection');
    if (row.step.startsWith('export')) await bench.fsckFolder(size + values.length + 2);
  });
}

async function sizeOf(): Promise<number> {
  return (await bench.other.store.settle({ afterSize: 0 })).head.size;
}

/** Three entries, or as many as complete a tile. */
function textsOf(row: FaultRow, size: number): string[] {
  const count = row.fillsTile === true ? 256 - (size % 256) : 3;
  return Array.from({ length: count }, (_, i) => `${nameOf(row)} ${size} ${i}`);
}

function assertTold(row: FaultRow, outcomes: readonly PromiseSettledResult<Receipt>[], size: number): void {
  for (const [i, outcome] of outcomes.entries()) {
    if (row.told.startsWith('503')) {
      assert.equal(outcome.status === 'rejected' && (outcome.reason as { code?: string }).code, 'unavailable');
    } else {
      if (outcome.status === 'rejected') throw outcome.reason;
      const { kind, index } = outcome.value;
      assert.deepEqual([kind, index], ['added', size + i]);
    }
  }
}

/** This process and another go on, every byte stands where it was answered, and the export follows. */
async function assertGoesOn(size: number, values: readonly string[]): Promise<void> {
  const end = size + values.length;
  const next = await bench.log.sequencer.append(entry(`goes on ${end}`));
  const elsewhere = await bench.other.sequencer.append(entry(`goes on elsewhere ${end}`));
  assert.deepEqual([next.kind, next.index, elsewhere.kind, elsewhere.index], ['added', end, 'added', end + 1]);
  const records = await bench.other.store.records({ begin: size, end });
  assert.deepEqual(
    records.map(({ leaf }) => Buffer.from(leaf).toString()),
    values,
  );
  assert.equal(await bench.fsck(), end + 2);
  await bench.log.tree.catchUp();
}

for (const row of ANSWER_ROWS) {
  test(`${nameOf(row)}: ${row.told}; the log goes on and is sound`, () => answerRow(row));
}

for (const row of FAULT_ROWS.filter(({ fault }) => fault.startsWith('the port says'))) {
  test(`${nameOf(row)}, again and again: either acknowledged or told so, never half`, async () => {
    const value = `stubborn ${nameOf(row)}`;
    for (let n = 0; n < 4; n++) await row.arm(bench);
    const [outcome] = await Promise.allSettled([bench.log.sequencer.append(entry(value))]);
    assert.ok(outcome.status === 'fulfilled' || (outcome.reason as { code?: string }).code === 'unavailable');
    // What is left of the faults strikes the next ones: asking until there is an answer gives the one index there is.
    const again = await untilAnswered(value);
    if (outcome.status === 'fulfilled') assert.deepEqual(again, { kind: 'duplicate', index: outcome.value.index });
    await bench.fsck();
  });
}

async function untilAnswered(value: string): Promise<Receipt> {
  for (let tries = 1; ; tries++) {
    try {
      return await bench.log.sequencer.append(entry(value));
    } catch (error) {
      if (tries === 5) throw error;
    }
  }
}

test('a settled read that fails, or is not acknowledged, is repeated before anything is believed', async () => {
  for (const done of [false, true]) {
    const struck = bench.store.struck();
    bench.store.arm({ step: 'commit', done: true, code: 'unknown' });
    bench.store.arm({ step: 'settle', done, code: 'lost' });
    bench.store.arm({ step: 'settle', done, code: 'unknown' });
    const receipt = await bench.log.sequencer.append(entry(`settle ${String(done)}`));
    assert.equal(receipt.kind, 'added');
    assert.equal(bench.store.struck(), struck + 3);
    await bench.fsck();
  }
});

test('docs/faults.md holds this very table', async (t) => {
  const table = tableOf([...FAULT_ROWS, ...ANSWER_ROWS]);
  t.diagnostic(`\n${table}`);
  const docs = await readFile(new URL('../../../docs/faults.md', import.meta.url), 'utf8');
  assert.ok(docs.includes(table), `docs/faults.md is not up to date; the table is\n${table}`);
});
