import type { Verdict } from './inspect.ts';

const SHOWN_PROBLEMS = 50;

/** "p50 0.71 s, p99 1.03 s, max 1.03 s (28)" */
export function quantiles(ms: readonly number[]): string {
  if (ms.length === 0) return 'none';
  const at = (share: number): string => seconds(quantile(ms, share));
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} (${ms.length})`;
}

/** Nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

/** Markdown, ready to be copied into the docs. */
export function markdown(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

/** Prints what was checked; true when nothing contradicts. */
export function printVerdict(verdict: Verdict): boolean {
  console.log(`  acknowledged ${verdict.acknowledged} of ${verdict.operations} operations, log size ${verdict.size}`);
  console.log(`  signed heads returned ${verdict.heads}, forks ${verdict.forks}`);
  console.log(`  lost acknowledgements ${verdict.lostAcknowledgements}`);
  for (const problem of verdict.problems.slice(0, SHOWN_PROBLEMS)) console.log(`  PROBLEM ${problem}`);
  return verdict.problems.length === 0;
}
