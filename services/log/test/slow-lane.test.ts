import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogError } from '../src/core/errors.ts';
import { SlowLane } from '../src/rekor-v2/slow-lane.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('one piece in a turn of the loop, in order: what else is ready comes through in between', async () => {
  const lane = new SlowLane();
  const seen: string[] = [];
  const pieces = [0, 1, 2, 3].map((i) => lane.run(() => seen.push(`piece ${i}`)));
  for (let i = 0; i < 4; i++) {
    await turn();
    seen.push(`other ${i}`);
  }
  await Promise.all(pieces);
  const order = [0, 1, 2, 3].flatMap((i) => [`piece ${i}`, `other ${i}`]);
  assert.deepEqual(seen, order);
});

test('a piece gives its value or its error to its caller alone, and the lane goes on', async () => {
  const lane = new SlowLane();
  const failure = new LogError('entry_refused', 'no');
  const outcomes = await Promise.allSettled([
    lane.run(() => 1),
    lane.run(() => {
      throw failure;
    }),
    lane.run(() => 3),
  ]);
  assert.deepEqual(
    outcomes.map((each) => (each.status === 'fulfilled' ? each.value : (each.reason as unknown))),
    [1, failure, 3],
  );
  assert.equal(await lane.run(() => 4), 4);
});

test('as many as may wait do; who comes then is turned away at once, until one has had its turn', async () => {
  const lane = new SlowLane();
  const waiting = Array.from({ length: 64 }, (_, i) => lane.run(() => i));
  assert.equal(lane.waiting, 64);
  await assert.rejects(
    lane.run(() => assert.fail('ran')),
    (error: LogError) => error.code === 'queue_full' && error.message === 'reached max pushback; retry',
  );
  assert.equal(await waiting[0], 0);
  assert.equal(await lane.run(() => 'next'), 'next');
  assert.deepEqual(
    await Promise.all(waiting),
    waiting.map((_, i) => i),
  );
  assert.equal(lane.waiting, 0);
});

test('who has given up when his turn comes costs nothing', async () => {
  const lane = new SlowLane();
  const controller = new AbortController();
  const gone = lane.run(() => assert.fail('ran'), controller.signal);
  const reason = new LogError('cancelled', 'context canceled');
  controller.abort(reason);
  await assert.rejects(gone, reason);
  assert.equal(await lane.run(() => 1), 1);
});
