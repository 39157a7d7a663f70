import type { GrowthPoint } from './growth.ts';
import type { Run } from './load.ts';

const COLUMNS = [
  'append/s',
  'slowest',
  'p50 ms',
  'p99 ms',
  'us CPU',
  'node',
  'postgres',
  'of a sign',
  'batch',
  'others',
];

export const HEADER = ['run'.padEnd(26), ...COLUMNS.map((name) => name.padStart(9))].join(' ');

export function runLines(run: Run, signsPerSecond: number): string[] {
  const micros = (seconds: number): number => (seconds * 1e6) / run.appends;
  const all = micros(run.cpu.node + run.cpu.postgres);
  const cells = [
    run.perSecond.toFixed(0),
    Number.isNaN(run.slowestPerSecond) ? '-' : run.slowestPerSecond.toFixed(0),
    run.p50Ms.toFixed(1),
    run.p99Ms.toFixed(1),
    all.toFixed(1),
    micros(run.cpu.node).toFixed(1),
    micros(run.cpu.postgres).toFixed(1),
    `${((all * signsPerSecond) / 1e6).toFixed(2)}x`,
    run.perBatch.toFixed(1),
    run.cpu.othersCores.toFixed(2),
  ];
  return [
    [run.name.padEnd(26), ...cells.map((cell) => cell.padStart(9))].join(' '),
    ...run.faults.map((fault) => `  NOT TRUE: ${fault}`),
  ];
}

/** How much of the CPU of an append the look-up and the unique index are. */
export function dedupLine(withIt: Run, without: Run): string {
  const micros = ({ cpu, appends }: Run): number => ((cpu.node + cpu.postgres) * 1e6) / appends;
  const share = (100 * (micros(withIt) - micros(without))) / micros(withIt);
  return `deduplication: ${(micros(withIt) - micros(without)).toFixed(1)} us of ${micros(withIt).toFixed(1)} us CPU (${share.toFixed(0)} %)`;
}

export function growthLines(points: readonly GrowthPoint[]): string[] {
  const first = (dedup: boolean): GrowthPoint | undefined => points.find((point) => point.dedup === dedup);
  const all = ({ nodeMicros, postgresMicros }: GrowthPoint): number => nodeMicros + postgresMicros;
  const line = (point: GrowthPoint): string => {
    const base = first(point.dedup);
    const change = base === undefined ? Number.NaN : (100 * all(point)) / all(base) - 100;
    return [
      String(point.size).padStart(10),
      String(point.grownTo).padStart(10),
      (point.dedup ? 'yes' : 'no').padStart(6),
      all(point).toFixed(1).padStart(9),
      point.nodeMicros.toFixed(1).padStart(9),
      point.postgresMicros.toFixed(1).padStart(9),
      `${change >= 0 ? '+' : ''}${change.toFixed(1)} %`.padStart(9),
      point.perSecond.toFixed(0).padStart(9),
    ].join(' ');
  };
  const names = ['dedup', 'us CPU', 'node', 'postgres', 'change', 'append/s'];
  const header = ['size'.padStart(10), 'grown to'.padStart(10), ...names.map((n, i) => n.padStart(i === 0 ? 6 : 9))];
  return [header.join(' '), ...points.map(line)];
}
