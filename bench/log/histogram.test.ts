import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Histogram } from './histogram.ts';

const times = fc.array(fc.double({ min: 0, max: 3_600_000, noNaN: true }), { minLength: 1, maxLength: 300 });

function filled(all: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const ms of all) histogram.record(ms);
  return histogram;
}

describe('histogram', () => {
  it('a quantile is never below the true one, and at most 1/64 and two microseconds above it', () => {
    fc.assert(
      fc.property(times, fc.double({ min: 0, max: 1, noNaN: true }), (all, q) => {
        const sorted = all.toSorted((a, b) => a - b);
        const truth = sorted[Math.max(1, Math.ceil(q * all.length)) - 1] ?? Number.NaN;
        const found = filled(all).quantileMs(q);
        assert.ok(found >= truth, `${found} is below ${truth}`);
        assert.ok(found <= truth * (1 + 1 / 64) + 0.002, `${found} is far above ${truth}`);
      }),
    );
  });

  it('count, mean and greatest time are exact', () => {
    fc.assert(
      fc.property(times, (all) => {
        const histogram = filled(all);
        assert.equal(histogram.count, all.length);
        assert.equal(histogram.maxMs, Math.max(...all));
        const mean = all.reduce((sum, ms) => sum + ms, 0) / all.length;
        assert.ok(Math.abs(histogram.meanMs - mean) <= 1e-9 * mean + 1e-9);
      }),
    );
  });

  it('quantiles do not decrease from 0 to 1, and end at the greatest time', () => {
    fc.assert(
      fc.property(times, (all) => {
        const histogram = filled(all);
        const found = [0, 0.1, 0.5, 0.9, 0.99, 0.999, 1].map((q) => histogram.quantileMs(q));
        assert.deepEqual(
          found,
          found.toSorted((a, b) => a - b),
        );
        assert.equal(found.at(-1), Math.max(...all));
      }),
    );
  });

  it('one slow answer among a thousand is seen at the end only', () => {
    const histogram = filled([...Array.from({ length: 999 }, () => 1), 5000]);
    assert.ok(histogram.quantileMs(0.99) < 1.1);
    assert.equal(histogram.quantileMs(1), 5000);
  });

  it('nothing recorded has no quantile, mean or maximum', () => {
    const empty = new Histogram();
    assert.ok(Number.isNaN(empty.quantileMs(0.5)) && Number.isNaN(empty.meanMs) && Number.isNaN(empty.maxMs));
  });

  it('refuses what is no time; a negative one is zero; an endless one falls into the last bucket', () => {
    const histogram = new Histogram();
    assert.throws(() => histogram.record(Number.NaN), RangeError);
    assert.throws(() => histogram.record(Number.POSITIVE_INFINITY), RangeError);
    histogram.record(-0.5);
    assert.equal(histogram.quantileMs(1), 0);
    histogram.record(1e12);
    assert.equal(histogram.maxMs, 1e12);
    assert.equal(histogram.count, 2);
  });
});
