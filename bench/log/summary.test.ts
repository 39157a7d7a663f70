import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Histogram } from './histogram.ts';
import { Ledger } from './ledger.ts';
import { isVoid, overloadView, type RunSummary, summarise } from './summary.ts';

const READ = { reads: 0, p50Ms: Number.NaN, p99Ms: Number.NaN, faults: [] };
const CPU = { server: 0.5, byName: {}, generator: 0.1, otherCores: 0 };

function run(options: {
  accepted: number;
  refused?: number;
  verified?: number;
  faults?: string[];
  reads?: string[];
}): RunSummary {
  const ledger = new Ledger(options.accepted);
  for (let i = 0; i < options.accepted; i++) {
    const body = Buffer.from(`{"logIndex":"${i}"}`);
    ledger.record({ body: i, isRepeat: false }, { status: 201, head: 'HTTP/1.1 201', body }, i + 1);
  }
  const full = { status: 503, head: 'HTTP/1.1 503\r\nretry-after: 1', body: Buffer.alloc(0) };
  for (let i = 0; i < (options.refused ?? 0); i++) ledger.record({ body: 0, isRepeat: true }, full, 1);
  const read = { ...READ, faults: options.reads ?? [] };
  const checks = { checked: options.verified ?? 1, faults: options.faults ?? [], read };
  const driven = { elapsedMs: 2000, lag: new Histogram() };
  return summarise({ name: 'x', ledger, driven, checks, cpu: CPU, signsPerSecond: 10_000 });
}

describe('figures of a run', () => {
  it('only new entries count as done; rates are theirs', () => {
    const summary = run({ accepted: 100, refused: 300 });
    assert.equal(summary.requests, 400);
    assert.equal(summary.acceptedPerSecond, 50);
    assert.equal(summary.acceptedPerCpuSecond, 200);
    assert.equal(summary.signsPerEntry, 50);
    assert.equal(summary.refusedShare, 0.75);
    assert.equal(summary.maxMs, 100);
  });

  it('one bad answer makes a run void, whoever found it', () => {
    assert.equal(isVoid(run({ accepted: 10 })), false);
    assert.equal(isVoid(run({ accepted: 10, faults: ['a bad answer'] })), true);
    assert.equal(isVoid(run({ accepted: 10, reads: ['read of index 1'] })), true);
  });

  it('a run in which nothing was added, or nothing verified, is void too', () => {
    assert.equal(isVoid(run({ accepted: 0, refused: 10 })), true);
    assert.equal(isVoid(run({ accepted: 10, verified: 0 })), true);
  });

  it('goodput is what was accepted under the flood, as part of the peak', () => {
    const view = overloadView(run({ accepted: 100 }), run({ accepted: 80, refused: 240 }), 150);
    assert.equal(view.goodputOfPeak, 0.8);
    assert.equal(view.refusedShare, 0.75);
    assert.equal(view.offeredPerSecond, 150);
  });
});
