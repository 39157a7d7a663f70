import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestEvents, type Counts, type TestEvent } from './test-events.ts';

const counts = (over: Partial<Counts>): Counts => ({
  passed: 0,
  failed: 0,
  cancelled: 0,
  skipped: 0,
  todo: 0,
  ...over,
});
const started = (name: string, testId: number, parentId = 0, entryFile = '/a.test.ts'): TestEvent => ({
  type: 'test:start',
  data: { name, testId, parentId, entryFile, file: '/helper.ts' },
});
const ended = (success: boolean, over: Partial<Counts>): TestEvent => ({
  type: 'test:summary',
  data: { success, counts: counts(over) },
});

function outcome(...list: TestEvent[]): [number, number, string[]] {
  const events = new TestEvents();
  for (const event of list) events.add(event);
  const { passed, failed, faults } = events.outcome();
  return [passed, failed, faults];
}

test('a good run has no failure', () => {
  assert.deepEqual(outcome(started('x', 1), started('y', 2), ended(true, { passed: 2 })), [2, 0, []]);
});

test('failed and cancelled tests are failures', () => {
  assert.deepEqual(outcome(ended(false, { passed: 1, failed: 2, cancelled: 3 })), [1, 5, []]);
});

test('a run without any test fails', () => {
  assert.deepEqual(outcome(ended(true, {})), [0, 1, ['no test ran']]);
  assert.deepEqual(outcome(), [0, 1, ['no test ran']]);
});

test('only skipped tests are no tests', () => {
  assert.deepEqual(outcome(ended(true, { skipped: 3 })), [0, 1, ['no test ran']]);
});

test('a file without tests fails the run and is not counted as passed', () => {
  const empty = { type: 'test:pass', data: { name: '/e.test.ts', file: '/e.test.ts' } };
  assert.deepEqual(outcome(empty, started('x', 1), ended(true, { passed: 2 })), [1, 1, ['/e.test.ts has no test']]);
});

test('a name used twice in one file fails the run', () => {
  const [, failed, faults] = outcome(started('x', 1), started('x', 2), ended(true, { passed: 2 }));
  assert.deepEqual([failed, faults], [1, ['two tests of /a.test.ts have the name "x"']]);
  const nested = outcome(started('s', 1), started('x', 2, 1), started('x', 3, 1), ended(true, { passed: 2 }));
  assert.equal(nested[1], 1);
});

test('one name in two files or under two parents is no fault', () => {
  const list = [started('x', 1), started('x', 1, 0, '/b.test.ts'), started('s', 2), started('x', 3, 2)];
  assert.deepEqual(outcome(...list, ended(true, { passed: 4 })), [4, 0, []]);
});

test('a run that ended without success fails even when no test failed', () => {
  assert.deepEqual(outcome(ended(false, { passed: 1 })), [1, 1, ['the run ended without success']]);
});
