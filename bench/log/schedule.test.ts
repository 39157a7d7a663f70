import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bodyPlanner, constantRate } from './schedule.ts';

const rates = fc.double({ min: 0.1, max: 50_000, noNaN: true });
const spans = fc.double({ min: 0.001, max: 600, noNaN: true });

describe('arrival schedule', () => {
  it('arrivals due by a moment are exactly those whose time has come', () => {
    fc.assert(
      fc.property(rates, spans, fc.double({ min: 0, max: 700_000, noNaN: true }), (rate, seconds, offsetMs) => {
        const schedule = constantRate(rate, seconds);
        const due = schedule.dueBy(offsetMs);
        if (due > 0) assert.ok(schedule.dueMs(due - 1) <= offsetMs);
        if (due < schedule.count) assert.ok(schedule.dueMs(due) > offsetMs);
      }),
    );
  });

  it('each arrival is due at its own time, and none before', () => {
    const schedule = constantRate(3, 10);
    for (let i = 0; i < schedule.count; i++) {
      assert.equal(schedule.dueBy(schedule.dueMs(i)), i + 1);
      assert.equal(schedule.dueBy(schedule.dueMs(i) - 1e-6), i);
    }
  });

  it('the last arrival is due before the time is over, and no whole interval is left', () => {
    fc.assert(
      fc.property(rates, spans, (rate, seconds) => {
        fc.pre(rate * seconds >= 1);
        const schedule = constantRate(rate, seconds);
        assert.ok(schedule.dueMs(schedule.count - 1) < seconds * 1000);
        assert.ok(schedule.dueMs(schedule.count + 1) > seconds * 1000 - 1e-6);
      }),
    );
  });

  it('refuses a rate or a time that is not above zero', () => {
    for (const [rate, seconds] of [
      [0, 1],
      [-1, 1],
      [1, 0],
      [Number.NaN, 1],
    ] as const)
      assert.throws(() => constantRate(rate, seconds), RangeError);
  });
});

describe('repeated bodies', () => {
  it('of n requests floor(n × share) repeat an earlier body; the others take new ones in order', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        fc.integer({ min: 1, max: 2000 }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (share, count, random) => {
          const next = bodyPlanner(share, () => random.next().value as number);
          let fresh = 0;
          let repeats = 0;
          for (let i = 0; i < count; i++) {
            const { body, isRepeat } = next();
            if (isRepeat) {
              assert.ok(body < fresh);
              repeats += 1;
            } else assert.equal(body, fresh++);
          }
          assert.ok(Math.abs(repeats - Math.floor(count * share)) <= 1);
        },
      ),
    );
  });

  it('without a share nothing is repeated, and a share of one is refused', () => {
    const next = bodyPlanner(0, () => assert.fail('not asked'));
    assert.deepEqual(
      Array.from({ length: 5 }, () => next().body),
      [0, 1, 2, 3, 4],
    );
    for (const share of [1, -0.1, Number.NaN]) assert.throws(() => bodyPlanner(share, Math.random), RangeError);
  });
});
