import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Append,
  checkHistory,
  type FinalEntry,
  type History,
  type HeadRead,
  type Rule,
} from '../fault/history.ts';
import { faultPlan } from '../fault/plan.ts';

const leafHashOf = (entry: string): string => `hash of ${entry}`;
const logOf = (...entries: string[]): FinalEntry[] => entries.map((entry) => ({ entry, leafHash: leafHashOf(entry) }));

function append(entry: string, [invokedMs, endedMs]: [number, number], outcome: Partial<Append> | number): Append {
  const ok = typeof outcome === 'number';
  const result = ok
    ? { kind: 'ok' as const, index: outcome, treeSize: outcome + 1, leafHash: leafHashOf(entry) }
    : { kind: 'unknown' as const };
  return { entry, life: 'w', invokedMs, endedMs, outcome: result, ...(ok ? {} : outcome) };
}

const read = (treeSize: number, [invokedMs, endedMs]: [number, number], life = 'w'): HeadRead => {
  return { life, invokedMs, endedMs, treeSize };
};

/** One after another, all answered, one unknown in between, a duplicate and a read. */
const SOUND: History = {
  appends: [
    append('a', [0, 10], 0),
    append('b', [20, 30], 1),
    append('c', [40, 50], {}),
    append('d', [60, 70], 3),
    append('b', [80, 90], { outcome: { kind: 'ok', index: 1 } }),
    append('e', [95, 99], { outcome: { kind: 'fail' } }),
    append('f', [95, 99], {}),
  ],
  reads: [read(4, [91, 92])],
};
const LOG = logOf('a', 'b', 'c', 'd');

const rules = (history: History, log: FinalEntry[]): Rule[] => [
  ...new Set(checkHistory(history, log).map(({ rule }) => rule)),
];
const also = (more: { appends?: Append[]; reads?: HeadRead[] }): History => ({
  appends: [...SOUND.appends, ...(more.appends ?? [])],
  reads: [...SOUND.reads, ...(more.reads ?? [])],
});

test('a sound history has no violation: an entry unknown to its caller may be in or out', () => {
  assert.deepEqual(checkHistory(SOUND, LOG), []);
  assert.deepEqual(checkHistory(SOUND, [...LOG, ...logOf('f')]), []);
});

const PLANTED: { name: string; history: History; log: FinalEntry[]; rule: Rule }[] = [
  { name: 'the newest answered entry is gone', history: SOUND, log: LOG.slice(0, 3), rule: 'lost' },
  { name: 'another entry stands at an answered index', history: SOUND, log: logOf('a', 'b', 'd', 'c'), rule: 'lost' },
  {
    name: 'the leaf differs from the answered one in its bytes',
    history: SOUND,
    log: LOG.with(1, { entry: 'b', leafHash: 'other' }),
    rule: 'lost',
  },
  {
    name: 'a duplicate is answered another index',
    history: also({ appends: [append('a', [100, 101], { outcome: { kind: 'ok', index: 2 } })] }),
    log: LOG,
    rule: 'lost',
  },
  { name: 'one entry is at two indexes', history: SOUND, log: [...LOG, ...logOf('c')], rule: 'twice' },
  { name: 'nobody submitted what is there', history: SOUND, log: [...LOG, ...logOf('z')], rule: 'invented' },
  { name: 'what was refused is there', history: SOUND, log: [...LOG, ...logOf('e')], rule: 'invented' },
  {
    name: 'submitted after a later index was answered',
    history: { appends: [append('a', [0, 10], 1), append('b', [20, 30], 0)], reads: [] },
    log: logOf('b', 'a'),
    rule: 'order',
  },
  {
    name: 'never answered, yet placed before what was answered before it began',
    history: { appends: [append('a', [0, 10], 1), append('b', [20, 30], {})], reads: [] },
    log: logOf('b', 'a'),
    rule: 'order',
  },
  {
    name: 'submitted after a checkpoint that covers its index was read',
    history: { appends: [append('a', [20, 30], 0)], reads: [read(1, [0, 10])] },
    log: logOf('a'),
    rule: 'order',
  },
  {
    name: 'a checkpoint is longer than the log',
    history: also({ reads: [read(5, [100, 101])] }),
    log: LOG,
    rule: 'bounds',
  },
  {
    name: 'an index outside the tree it was answered with',
    history: also({ appends: [append('a', [100, 101], { outcome: { kind: 'ok', index: 0, treeSize: 0 } })] }),
    log: LOG,
    rule: 'bounds',
  },
  {
    name: 'one process shows a smaller tree',
    history: also({ reads: [read(3, [100, 101])] }),
    log: LOG,
    rule: 'went-back',
  },
];

for (const { name, history, log, rule } of PLANTED) {
  test(`planted and found: ${name} (${rule})`, () => {
    assert.ok(rules(history, log).includes(rule), `found only: ${rules(history, log).join(', ')}`);
  });
}

test('two operations at the same time may be in either order, and another process may know less', () => {
  const appends = [append('a', [0, 20], 1), append('b', [10, 30], 0)];
  assert.deepEqual(checkHistory({ appends, reads: [read(1, [40, 41], 'other')] }, logOf('b', 'a')), []);
});

test('every exchange of two answered entries that did not overlap is found', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 30 }), fc.nat(), fc.nat(), (size, x, y) => {
      fc.pre(x % size !== y % size);
      const names = Array.from({ length: size }, (_, i) => `e${i}`);
      const appends = names.map((name, i) => append(name, [i * 10, i * 10 + 5], i));
      const log = logOf(...names);
      assert.deepEqual(checkHistory({ appends, reads: [] }, log), []);
      const exchanged = log.with(x % size, log[y % size]!).with(y % size, log[x % size]!);
      // Answers that say so themselves: only real time contradicts.
      const moved = exchanged.map(({ entry }, i) =>
        append(entry, [10 * Number(entry.slice(1)), 10 * Number(entry.slice(1)) + 5], i),
      );
      assert.deepEqual(rules({ appends: moved, reads: [] }, exchanged), ['order']);
      assert.ok(rules({ appends, reads: [] }, exchanged).includes('lost'));
    }),
  );
});

test('a schedule of faults follows from its seed, and another seed gives another', () => {
  const limits = { slots: 4, lengthMs: 4000, maxPauseMs: 3000 };
  const plans = Array.from({ length: 50 }, (_, seed) => JSON.stringify(faultPlan(seed, limits)));
  assert.deepEqual(
    plans,
    Array.from({ length: 50 }, (_, seed) => JSON.stringify(faultPlan(seed, limits))),
  );
  assert.equal(new Set(plans).size, 50);
  const kinds = plans.flatMap((plan) => (JSON.parse(plan) as { kind: string }[]).map(({ kind }) => kind));
  assert.deepEqual([...new Set(kinds)].sort(), ['cut', 'hold', 'kill', 'pause', 'restart']);
});
