import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Leaves, LEAF_BYTES } from './leaves.ts';
import type { Run } from './measure.ts';
import { UsageError } from '../flags.ts';
import { readOptions } from './options.ts';
import type { RunSummary } from '../log/summary.ts';
import { type RekorRun, rekorLines } from './rekor-report.ts';
import { compare, tableLines, targetLines } from './report.ts';

const run = (system: Run['system'], perCpuSecond: number, p50Ms: number, faults: string[] = []): Run => ({
  system,
  load: { kind: 'open', perSecond: 50 },
  done: 100,
  perSecond: 50,
  perCpuSecond,
  p50Ms,
  p99Ms: 2 * p50Ms,
  lagP99Ms: 0,
  generator: 0.1,
  others: 0,
  checked: 1,
  faults,
});

describe('the peers, side by side', () => {
  it('both are sent the same leaves, and no leaf twice', () => {
    const leaves = new Leaves();
    const one = leaves.requests({ host: '127.0.0.1', port: 1 });
    const other = leaves.requests({ host: '127.0.0.1', port: 22_222 });
    const bodyOf = (request: Buffer): Buffer => request.subarray(request.indexOf('\r\n\r\n') + 4);
    assert.deepEqual(bodyOf(one(70_000)), leaves.leaf(70_000));
    assert.deepEqual(bodyOf(other(70_000)), leaves.leaf(70_000));
    assert.equal(leaves.leaf(1).length, LEAF_BYTES);
    assert.notDeepEqual(leaves.leaf(1), leaves.leaf(2));
  });

  it('medians of all runs are compared, void ones left out', () => {
    const runs = [
      run('sigstead', 100, 2),
      run('sigstead', 300, 6),
      run('sigstead', 9999, 0.1, ['bad']),
      run('tessera', 400, 100),
    ];
    const { perCpuRatio, p50Ratio, ours } = compare({ kind: 'open', perSecond: 50 }, runs);
    assert.deepEqual([ours.perCpuSecond, ours.p50Ms, perCpuRatio, p50Ratio], [200, 4, 0.5, 25]);
  });

  it('a target that is missed is said, so is one that was not measured', () => {
    const closed = { kind: 'closed', inFlight: 256 } as const;
    const missed = compare(closed, [run('sigstead', 90, 1), run('tessera', 100, 1)]);
    const met = compare(closed, [run('sigstead', 101, 1), run('tessera', 100, 1)]);
    const none = compare(closed, [run('tessera', 100, 1)]);
    const words = targetLines([missed, met, none]).map((line) => line.split(' ')[0]);
    assert.deepEqual(words, ['MISSED', 'met', 'MISSED']);
    assert.match(tableLines([missed])[2] ?? '', /\| 0\.90 \|/);
  });

  it('options out of bounds, unknown, or that leave nothing to measure are refused', () => {
    for (const args of [
      ['--rate', '0'],
      ['--rate', 'x'],
      ['--in-flight', '5000'],
      ['--rounds', '0'],
      ['--peer', 'sunlight'],
      ['--peer', ''],
      ['--search', 'maybe'],
      ['--their-in-flight', '5000'],
      ['--wat'],
      ['word'],
    ])
      assert.throws(() => readOptions(args), UsageError, args.join(' '));
    assert.throws(() => readOptions(['--rate', '', '--in-flight', '']), UsageError);
    assert.equal(readOptions(['--help', '--rate', 'x']), 'help');
    const read = readOptions([]);
    assert.ok(read !== 'help');
    assert.deepEqual([read.rates, read.inFlight, read.pin], [[50, 500, 2000], [256, 512], true]);
    assert.deepEqual(read.peers, ['tessera', 'rekor-tiles']);
    assert.deepEqual([read.rekorRates, read.ourInFlight, read.theirInFlight], [[50], [256], [1024, 3500]]);
    assert.throws(
      () => readOptions(['--peer', 'rekor-tiles', '--rekor-rate', '', '--our-in-flight', '', '--their-in-flight', '']),
      UsageError,
    );
  });

  it('beside rekor-tiles each counts where it does best, void runs do not, and what was not measured is missed', () => {
    const summary = (name: string, perCpu: number, p50Ms: number, faultCount = 0): RunSummary =>
      ({
        name,
        acceptedPerSecond: perCpu,
        acceptedPerCpuSecond: perCpu,
        p50Ms,
        p99Ms: 2 * p50Ms,
        refused: 0,
        cpu: { otherCores: 0 },
        accepted: 1,
        verified: 1,
        faultCount,
      }) as RunSummary;
    const closed = (system: RekorRun['system'], inFlight: number, perCpu: number, faults = 0): RekorRun => ({
      system,
      load: { kind: 'closed', inFlight },
      summary: summary(`closed, ${inFlight} in flight`, perCpu, 100, faults),
    });
    const open = (system: RekorRun['system'], p50Ms: number): RekorRun => ({
      system,
      load: { kind: 'open', perSecond: 50 },
      summary: summary('open, 50/s', 50, p50Ms),
    });
    const runs = [
      closed('sigstead', 256, 2100),
      closed('rekor-tiles', 1024, 900),
      closed('rekor-tiles', 3500, 1000),
      closed('rekor-tiles', 3500, 9000, 1),
      open('sigstead', 10),
      open('rekor-tiles', 499),
    ];
    const lines = rekorLines(runs);
    assert.match(lines.join('\n'), /met {4}entries per CPU second.*: 2\.10, wanted 2/);
    assert.match(lines.join('\n'), /MISSED open, 50\/s: times that p50 is lower: 49\.90, wanted 50/);
    assert.match(rekorLines(runs.slice(1)).join('\n'), /MISSED entries per CPU second.*NaN/);
  });
});
