import { type Ending, ENDINGS } from './database.ts';
import { seededRandom } from './random.ts';

/** One fault of a schedule, `atMs` after its begin. */
export type Fault = { readonly atMs: number } & (
  | { readonly kind: 'kill'; readonly slot: number }
  | { readonly kind: 'cut'; readonly slot: number }
  | { readonly kind: 'pause'; readonly slot: number; readonly forMs: number }
  | { readonly kind: 'hold'; readonly slot: number; readonly forMs: number }
  | { readonly kind: 'restart'; readonly ending: Ending }
);

export interface PlanLimits {
  readonly slots: number;
  readonly lengthMs: number;
  readonly maxPauseMs: number;
}

/** How often each kind comes, in parts of the whole. */
const KINDS = ['kill', 'kill', 'kill', 'pause', 'pause', 'pause', 'cut', 'cut', 'hold', 'hold', 'restart'] as const;
const MIN_FAULTS = 2;
const MAX_FAULTS = 6;

/** The faults that follow from a seed, in the order of their times. */
export function faultPlan(seed: number, { slots, lengthMs, maxPauseMs }: PlanLimits): Fault[] {
  const random = seededRandom(seed);
  const count = MIN_FAULTS + random.below(MAX_FAULTS - MIN_FAULTS + 1);
  const faults = Array.from({ length: count }, (): Fault => {
    const atMs = random.below(lengthMs);
    const slot = random.below(slots);
    const forMs = 1 + random.below(maxPauseMs);
    const kind = random.pick(KINDS);
    if (kind === 'restart') return { atMs, kind, ending: random.pick(ENDINGS) };
    if (kind === 'pause' || kind === 'hold') return { atMs, kind, slot, forMs };
    return { atMs, kind, slot };
  });
  return faults.sort((a, b) => a.atMs - b.atMs);
}
