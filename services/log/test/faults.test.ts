import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fsck } from '../src/core/fsck.ts';
import type { LogStore } from '../src/core/ports.ts';
import type { OpenLog } from '../src/open-log.ts';
import { type Fault, faultyStore } from './support/faulty-store.ts';
import { hasher, testLogs, type TestLogs, text, textPersonality } from './support/test-log.ts';

let logs: TestLogs;
before(async () => {
  logs = await testLogs();
});
after(() => logs.drop());

/** Opens the log over a store whose faults the test arms. */
async function openFaulty(): Promise<{ log: OpenLog; arm: (fault: Fault) => void; struck: () => number }> {
  let faulty: ReturnType<typeof faultyStore> | undefined;
  const log = await logs.open({
    wrap(store: LogStore) {
      faulty = faultyStore(store);
      return faulty.store;
    },
  });
  return { log, arm: (fault) => faulty?.arm(fault), struck: () => faulty?.struck() ?? 0 };
}

async function assertSound(): Promise<number> {
  const report = await fsck({ store: await logs.store(), personality: textPersonality(), hasher });
  assert.deepEqual(report.problems, []);
  return report.size;
}

/** Every step in its pair: failed and not done, failed but done. */
const TABLE: Fault[] = [
  { step: 'begin', done: false, code: 'lost' },
  { step: 'begin', done: true, code: 'lost' },
  { step: 'look', done: false, code: 'lost' },
  { step: 'look', done: true, code: 'lost' },
  { step: 'insert', done: false, code: 'lost' },
  { step: 'insert', done: true, code: 'lost' },
  { step: 'insert', done: false, code: 'refused' },
  { step: 'insert', done: true, code: 'refused' },
  { step: 'insert', done: false, code: 'conflict' },
  { step: 'insert', done: true, code: 'conflict' },
  { step: 'commit', done: false, code: 'unknown' },
  { step: 'commit', done: true, code: 'unknown' },
];

for (const fault of TABLE) {
  const name = `${fault.step} ${fault.code}, ${fault.done ? 'done' : 'not done'}`;
  test(`one fault (${name}): every entry is acknowledged once, at its index, and the log stays sound`, async () => {
    const { log, arm, struck } = await openFaulty();
    const size = await assertSound();
    arm(fault);
    const receipts = await Promise.all([1, 2, 3].map((n) => log.sequencer.append(text(`${name} ${n}`))));
    assert.equal(struck(), 1);
    assert.deepEqual(
      receipts.map((r) => [r.kind, r.index]),
      [
        ['added', size],
        ['added', size + 1],
        ['added', size + 2],
      ],
    );
    assert.equal(await assertSound(), size + 3);
    for (const [i, receipt] of receipts.entries()) {
      const [record] = await log.store.records({ begin: receipt.index, end: receipt.index + 1 });
      assert.equal(Buffer.from(record?.leaf ?? []).toString(), `${name} ${i + 1}`);
    }
  });

  test(`the same fault (${name}) again and again: either acknowledged or told so, never half`, async () => {
    const { log, arm } = await openFaulty();
    for (let n = 0; n < 4; n++) arm(fault);
    const [outcome] = await Promise.allSettled([log.sequencer.append(text(`stubborn ${name}`))]);
    assert.ok(outcome.status === 'fulfilled' || (outcome.reason as { code?: string }).code === 'unavailable');
    // Whatever the client was told, asking again gives the one index there is.
    const again = await log.sequencer.append(text(`stubborn ${name}`));
    if (outcome.status === 'fulfilled') assert.deepEqual([again.kind, again.index], ['duplicate', outcome.value.index]);
    await assertSound();
  });
}

test('a settled read that fails, or is not acknowledged, is repeated before anything is believed', async () => {
  for (const done of [false, true]) {
    const { log, arm, struck } = await openFaulty();
    arm({ step: 'commit', done: true, code: 'unknown' });
    arm({ step: 'settle', done, code: 'lost' });
    arm({ step: 'settle', done, code: 'unknown' });
    const receipt = await log.sequencer.append(text(`settle ${String(done)}`));
    assert.equal(receipt.kind, 'added');
    assert.equal(struck(), 3);
    await assertSound();
  }
});
