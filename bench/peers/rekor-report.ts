import { median } from '../engine/growth.ts';
import type { Load } from '../log/hammer.ts';
import { isVoid, type RunSummary } from '../log/summary.ts';

export interface RekorRun {
  readonly system: 'sigstead' | 'rekor-tiles';
  readonly load: Load;
  readonly summary: RunSummary;
}

/** What is aimed at: twice their entries for a second of CPU, each at the load that is best for it; a fiftieth of their p50. */
const PER_CPU_RATIO = 2;
const P50_RATIO = 50;

interface Row {
  readonly system: RekorRun['system'];
  readonly name: string;
  readonly isClosed: boolean;
  readonly perSecond: number;
  readonly perCpuSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly refused: number;
  readonly others: number;
}

/** A table for a page, in Markdown, and what was aimed at. Medians of all runs of a load that are not void. */
export function rekorLines(runs: readonly RekorRun[]): string[] {
  const rows = rowsOf(runs);
  return [
    '| load | | done/s | per CPU-s | p50 ms | p99 ms | 503 | others |',
    '|---|---|---|---|---|---|---|---|',
    ...rows.map(line),
    '',
    ...targetLines(rows),
  ];
}

function rowsOf(runs: readonly RekorRun[]): Row[] {
  const groups = new Map<string, RekorRun[]>();
  for (const run of runs) {
    if (isVoid(run.summary)) continue;
    const key = `${run.summary.name}\0${run.system}`;
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()].map((group) => {
    const middle = (pick: (run: RunSummary) => number): number => median(group.map(({ summary }) => pick(summary)));
    const [first] = group as [RekorRun];
    return {
      system: first.system,
      name: first.summary.name,
      isClosed: first.load.kind === 'closed',
      perSecond: middle((run) => run.acceptedPerSecond),
      perCpuSecond: middle((run) => run.acceptedPerCpuSecond),
      p50Ms: middle((run) => run.p50Ms),
      p99Ms: middle((run) => run.p99Ms),
      refused: middle((run) => run.refused),
      others: middle((run) => run.cpu.otherCores),
    };
  });
}

/** Said also when something was not measured: then it is missed. */
function targetLines(rows: readonly Row[]): string[] {
  const atBest = (system: RekorRun['system']): number => {
    const closed = rows.filter((row) => row.isClosed && row.system === system).map((row) => row.perCpuSecond);
    return closed.length === 0 ? Number.NaN : Math.max(...closed);
  };
  const open = (system: RekorRun['system']): Row[] => rows.filter((row) => !row.isClosed && row.system === system);
  const ratio = atBest('sigstead') / atBest('rekor-tiles');
  return [
    verdict('entries per CPU second, each at its best, as a multiple of theirs', ratio, PER_CPU_RATIO),
    ...open('sigstead').map(({ name, p50Ms }) => {
      const other = open('rekor-tiles').find((row) => row.name === name);
      return verdict(`${name}: times that p50 is lower`, (other?.p50Ms ?? Number.NaN) / p50Ms, P50_RATIO);
    }),
  ];
}

function verdict(what: string, seen: number, wanted: number): string {
  return `${seen >= wanted ? 'met   ' : 'MISSED'} ${what}: ${seen.toFixed(2)}, wanted ${wanted}`;
}

function line(row: Row): string {
  const { name, system, perSecond, perCpuSecond, p50Ms, p99Ms, refused, others } = row;
  const count = (value: number): string => Math.round(value).toLocaleString('en-US');
  const ms = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
  const cells = [
    name,
    system,
    count(perSecond),
    count(perCpuSecond),
    ms(p50Ms),
    ms(p99Ms),
    count(refused),
    others.toFixed(2),
  ];
  return `| ${cells.join(' | ')} |`;
}
