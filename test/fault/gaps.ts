import type { Append } from './history.ts';

/** What others noticed of a fault, ms. */
export interface Gaps {
  /** Longest time in which none of them acknowledged anything. */
  readonly togetherMs: number;
  /** Longest time in which one of them acknowledged nothing. */
  readonly oneMs: number;
  /** Slowest answer to what was submitted in the window. */
  readonly slowestMs: number;
  readonly acknowledged: number;
}

export interface Window {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Of the writers in `slots`, between two moments; the moments themselves count as ends of a gap. */
export function gapsOf(appends: readonly Append[], slots: readonly number[], window: Window): Gaps {
  const of = (slot: number): Append[] => appends.filter(({ life }) => life.startsWith(`writer ${slot}.`));
  const bySlot = slots.map((slot) => acknowledgedIn(of(slot), window));
  const submitted = slots
    .flatMap((slot) => of(slot))
    .filter(({ invokedMs }) => invokedMs >= window.fromMs && invokedMs < window.untilMs);
  return {
    togetherMs: longestGap(bySlot.flat(), window),
    oneMs: Math.max(...bySlot.map((times) => longestGap(times, window))),
    slowestMs: Math.max(0, ...submitted.map(({ invokedMs, endedMs }) => endedMs - invokedMs)),
    acknowledged: bySlot.flat().length,
  };
}

function acknowledgedIn(appends: readonly Append[], { fromMs, untilMs }: Window): number[] {
  return appends
    .filter(({ outcome, endedMs }) => outcome.kind === 'ok' && endedMs >= fromMs && endedMs < untilMs)
    .map(({ endedMs }) => endedMs);
}

function longestGap(times: readonly number[], { fromMs, untilMs }: Window): number {
  const ordered = [fromMs, ...[...times].sort((a, b) => a - b), untilMs];
  return Math.max(...ordered.slice(1).map((ms, i) => ms - (ordered[i] ?? ms)));
}
