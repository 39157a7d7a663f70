import { isVoid, type OverloadView, QUARTER_TARGETS, type QuarterView, type RunSummary } from './summary.ts';

export const HEADER = [
  'run'.padEnd(24),
  ...['done/s', 'per CPU-s', 'sign', '503', 'again', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms', 'lag ms', 'others'].map(
    (name) => name.padStart(9),
  ),
].join(' ');

/** One line, and those below it that say more. */
export function runLines(run: RunSummary): string[] {
  const cells = [
    run.acceptedPerSecond.toFixed(0),
    known(run.acceptedPerCpuSecond, (value) => value.toFixed(0)),
    known(run.signsPerEntry, (value) => `${value.toFixed(1)}x`),
    String(run.refused),
    String(run.duplicates),
    ...[run.p50Ms, run.p90Ms, run.p99Ms, run.maxMs, run.lagP99Ms].map(milliseconds),
    known(run.cpu.otherCores, (value) => value.toFixed(2)),
  ];
  const programs = Object.entries(run.cpu.byName)
    .filter(([, seconds]) => seconds >= 0.01 * run.serverCpuSeconds)
    .map(([name, seconds]) => `${name} ${((100 * seconds) / run.serverCpuSeconds).toFixed(0)} %`);
  const details = [
    `${run.accepted} entries, ${run.verified} answers verified`,
    `server CPU ${known(run.serverCpuSeconds, (value) => value.toFixed(1))} s (${programs.join(', ')})`,
    `generator ${known(run.cpu.generator, (value) => value.toFixed(1))} s`,
  ];
  if (run.reads > 0) {
    details.push(
      `${run.reads} reads verified, p50 ${milliseconds(run.readP50Ms)} ms, p99 ${milliseconds(run.readP99Ms)} ms`,
    );
  }
  return [
    [run.name.padEnd(24), ...cells.map((cell) => cell.padStart(9))].join(' '),
    `  ${details.join('; ')}`,
    ...(isLate(run) ? ['  the generator was late: no connection was free, or it had too little of a core'] : []),
    ...voidLines(run),
  ];
}

/** More than a twentieth of the latency told, and more than timers and neighbours explain. */
function isLate(run: RunSummary): boolean {
  return run.lagP99Ms > Math.max(10, run.p99Ms / 20);
}

function voidLines(run: RunSummary): string[] {
  if (!isVoid(run)) return [];
  if (run.faultCount === 0) return ['  VOID: nothing was added, or nothing verified'];
  return [`  VOID: ${run.faultCount} bad answers`, ...run.faults.map((fault) => `    ${fault}`)];
}

export function overloadLines(view: OverloadView): string[] {
  return [
    `overload: ${view.offeredPerSecond.toFixed(0)}/s offered, peak ${view.peakPerSecond.toFixed(0)}/s; goodput ` +
      `${view.goodputPerSecond.toFixed(0)}/s = ${(100 * view.goodputOfPeak).toFixed(0)} % of peak; 503 to ` +
      `${(100 * view.refusedShare).toFixed(0)} % of requests; p99 of accepted ${milliseconds(view.acceptedP99Ms)} ms`,
  ];
}

export function quarterLines(view: QuarterView): string[] {
  return [
    `${view.isMet ? 'met   ' : 'MISSED'} a quarter of the peak (${view.offeredPerSecond.toFixed(0)}/s of ${view.peakPerSecond.toFixed(0)}/s): ` +
      `p50 ${milliseconds(view.p50Ms)} ms, wanted ${QUARTER_TARGETS.p50Ms}; p99 ${milliseconds(view.p99Ms)} ms, wanted ${QUARTER_TARGETS.p99Ms}`,
  ];
}

function milliseconds(ms: number): string {
  return known(ms, (value) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0));
}

/** A dash for what was not seen, or cannot be on this system. */
function known(value: number, format: (value: number) => string): string {
  return Number.isNaN(value) ? '-' : format(value);
}
