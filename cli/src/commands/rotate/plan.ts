import type { RotationFacts } from './facts.ts';

/** In this order, one at a time. */
export const ROTATE_STEPS = ['prepare', 'create', 'publish', 'switch', 'freeze'] as const;
export type RotateStep = (typeof ROTATE_STEPS)[number];

/**
 * Whether a step is done. Once a later log has taken over, the chain has moved on: the new log then need not sign any more for the
 * switch to have happened, which the end of the old one's window shows.
 */
export function isDone(step: RotateStep, { next, nextRow, oldRow, trust }: RotationFacts): boolean {
  switch (step) {
    case 'prepare':
      return next !== undefined;
    case 'create':
      return nextRow !== undefined && nextRow.size > 0;
    case 'publish':
      return trust?.listedSinceMs !== undefined;
    case 'switch':
      return trust?.switchedSinceMs !== undefined || trust?.endMs !== undefined;
    case 'freeze':
      return oldRow?.state === 'frozen' && (trust === undefined || trust.endMs !== undefined);
  }
}

/** The first step that is not done; what is published elsewhere is not asked about. Undefined when the rotation is over. */
export function nextStep(facts: RotationFacts): RotateStep | undefined {
  return stepsOf(facts).find((step) => !isDone(step, facts));
}

/** The steps that this configuration can do. */
export function stepsOf({ trust }: RotationFacts): readonly RotateStep[] {
  return trust === undefined ? ROTATE_STEPS.filter((step) => step !== 'publish' && step !== 'switch') : ROTATE_STEPS;
}

/** When a step may be done at the earliest: so long after the one before, for clients that still have what was published before it. */
export function earliestMs(step: RotateStep, { trust }: RotationFacts, waitMs: number): number | undefined {
  const since = step === 'switch' ? trust?.listedSinceMs : step === 'freeze' ? trust?.switchedSinceMs : undefined;
  return since === undefined ? undefined : since + waitMs;
}

/** Why a step that is not done cannot be done now: undefined when it can. */
export function refusalOf(step: RotateStep, facts: RotationFacts, waitMs: number): string | undefined {
  const { old, next, oldRow, nextRow, unfinished, nowMs } = facts;
  const due = nextStep(facts);
  if (oldRow === undefined) return `there is no log ${old.name} in the database`;
  const contradiction = [oldRow, nextRow].find((row) => row?.contradiction !== undefined);
  if (contradiction !== undefined) {
    return `log ${contradiction.name}: ${contradiction.contradiction}: see docs/runbooks/read-only-log.md`;
  }
  if (unfinished !== undefined)
    return `${old.name} follows ${unfinished}, whose rotation is not over: finish that one first`;
  if (step !== due) return `${due ?? 'nothing'} comes next, not ${step}`;
  if (oldRow.state === 'frozen' && (step === 'prepare' || step === 'create')) {
    return `log ${old.name} is frozen: it takes part in no rotation; make a new log (docs/runbooks/rotate-log.md, "Without the old log")`;
  }
  if ((step === 'publish' || step === 'switch') && nextRow !== undefined && nextRow.state !== 'active') {
    return `log ${nextRow.name} is ${nextRow.state}: it takes no entries`;
  }
  if (step === 'switch' && next?.readOnly === true)
    return `log ${next.name} is readOnly in the configuration: it takes no entries`;
  const earliest = earliestMs(step, facts, waitMs);
  // Nobody writes to a log that is frozen already: there is nothing left to wait for.
  if (earliest === undefined || nowMs >= earliest || (step === 'freeze' && oldRow.state === 'frozen')) return undefined;
  const why =
    step === 'switch'
      ? 'clients that have the trusted root of before would refuse what the new log signs'
      : 'clients that have the signing config of before still write to the old log';
  return `too early: until ${iso(earliest)} ${why}; --wait says how long that is (here ${durationText(waitMs)})`;
}

const DAY_MS = 86_400_000;

/**
 * End of the window of a log that was frozen at `timestampMs`. An entry of Rekor v2 counts by its timestamp of another authority, which
 * may be taken after it, by a client that tries again or by another clock: a day later still counts. The log itself signs nothing more.
 */
export function windowEndMs({ timestampMs }: { readonly timestampMs: number }): number {
  return Math.ceil(timestampMs / 1000) * 1000 + DAY_MS;
}

export function iso(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

const UNITS = [
  ['d', DAY_MS],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** As `--wait` is written. */
export function durationText(ms: number): string {
  const [unit, size] = UNITS.find(([, each]) => ms >= each && ms % each === 0) ?? ['s', 1000];
  return ms === 0 ? '0' : `${Math.round(ms / size)}${unit}`;
}

/** Milliseconds of `7d`, `36h`, `90m`, `30s` or `0`; undefined for anything else, and for more than a year. */
export function durationMs(text: string): number | undefined {
  if (text === '0') return 0;
  const [, number, letter] = /^([1-9]\d{0,4})([dhms])$/.exec(text) ?? [];
  const ms = Number(number) * (UNITS.find(([unit]) => unit === letter)?.[1] ?? Number.NaN);
  return ms <= 366 * 86_400_000 ? ms : undefined;
}
