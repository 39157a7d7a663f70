import { median } from '../engine/growth.ts';
import type { Load, Run } from './measure.ts';

/** Medians of all runs of one load. Ratios: ours to Tessera's, so that more is better. */
export interface Comparison {
  readonly load: Load;
  readonly ours: Figures;
  readonly theirs: Figures;
  readonly perCpuRatio: number;
  /** How many times lower our p50 is. */
  readonly p50Ratio: number;
}

export interface Figures {
  readonly perSecond: number;
  readonly perCpuSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly generator: number;
  readonly others: number;
}

/** What is aimed at: at saturation at least as many for each CPU second, below it answers 20 times sooner. */
const P50_RATIO = 20;

export function nameOf(load: Load): string {
  return load.kind === 'open' ? `open, ${load.perSecond}/s` : `closed, ${load.inFlight} in flight`;
}

export function compare(load: Load, runs: readonly Run[]): Comparison {
  const of = (system: Run['system']): Figures => {
    const own = runs.filter((run) => run.system === system && run.faults.length === 0);
    const middle = (pick: (run: Run) => number): number => median(own.map(pick));
    return {
      perSecond: middle((run) => run.perSecond),
      perCpuSecond: middle((run) => run.perCpuSecond),
      p50Ms: middle((run) => run.p50Ms),
      p99Ms: middle((run) => run.p99Ms),
      generator: middle((run) => run.generator),
      others: middle((run) => run.others),
    };
  };
  const ours = of('sigstead');
  const theirs = of('tessera');
  return {
    load,
    ours,
    theirs,
    perCpuRatio: ours.perCpuSecond / theirs.perCpuSecond,
    p50Ratio: theirs.p50Ms / ours.p50Ms,
  };
}

/** One line of progress. */
export function runLine(run: Run): string {
  const { perSecond, perCpuSecond, p50Ms, p99Ms, lagP99Ms, generator, others, checked, faults } = run;
  const figures = `${count(perSecond)}/s, ${count(perCpuSecond)} per CPU-s, p50 ${ms(p50Ms)} ms, p99 ${ms(p99Ms)} ms`;
  const circumstances = `lag ${ms(lagP99Ms)} ms, generator ${generator.toFixed(2)}, others ${others.toFixed(2)}`;
  const line = `${nameOf(run.load).padEnd(22)} ${run.system.padEnd(8)} ${figures}; ${circumstances}; ${checked} checked`;
  return faults.length === 0 ? line : `${line}\n  VOID: ${faults.length} faults: ${faults.slice(0, 3).join('; ')}`;
}

/** A table for a page, in Markdown. */
export function tableLines(comparisons: readonly Comparison[]): string[] {
  return [
    '| load | | done/s | per CPU-s | ratio | p50 ms | times lower | p99 ms | generator | others |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...comparisons.flatMap(({ load, ours, theirs, perCpuRatio, p50Ratio }) => [
      row(nameOf(load), 'Sigstead', ours, [perCpuRatio.toFixed(2), p50Ratio.toFixed(1)]),
      row('', 'Tessera', theirs, ['', '']),
    ]),
  ];
}

function row(load: string, system: string, figures: Figures, [perCpu = '', p50 = '']: string[]): string {
  const { perSecond, perCpuSecond, p50Ms, p99Ms, generator, others } = figures;
  const cells = [load, system, count(perSecond), count(perCpuSecond), perCpu, ms(p50Ms), p50, ms(p99Ms)];
  return `| ${[...cells, generator.toFixed(2), others.toFixed(2)].join(' | ')} |`;
}

/** What was aimed at, and what was seen. */
export function targetLines(comparisons: readonly Comparison[]): string[] {
  return comparisons.map(({ load, perCpuRatio, p50Ratio }) => {
    const [what, seen, wanted] =
      load.kind === 'closed'
        ? ['entries per CPU second, as a multiple of Tessera’s', perCpuRatio, 1]
        : ['times that p50 is lower', p50Ratio, P50_RATIO];
    return `${seen >= wanted ? 'met   ' : 'MISSED'} ${nameOf(load)}: ${what}: ${seen.toFixed(2)}, wanted ${wanted}`;
  });
}

function count(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : '-';
}

function ms(value: number): string {
  return Number.isFinite(value) ? value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0) : '-';
}
