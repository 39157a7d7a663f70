import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Leaves, LEAF_BYTES } from './leaves.ts';
import type { Run } from './measure.ts';
import { UsageError } from '../flags.ts';
import { readOptions } from './options.ts';
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
      ['--wat'],
      ['word'],
    ])
      assert.throws(() => readOptions(args), UsageError, args.join(' '));
    assert.throws(() => readOptions(['--rate', '', '--in-flight', '']), UsageError);
    assert.equal(readOptions(['--help', '--rate', 'x']), 'help');
    const read = readOptions([]);
    assert.ok(read !== 'help');
    assert.deepEqual([read.rates, read.inFlight, read.pin], [[50, 500, 2000], [256, 512], true]);
  });
});
