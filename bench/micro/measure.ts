/**
 * One thing to measure. `run` does it once; `check`, before anything is timed, throws when it does not do what its name
 * says.
 */
export interface MicroCase {
  readonly name: string;
  run(): unknown;
  check?(): void;
}

export interface MicroResult {
  readonly name: string;
  readonly perSecond: number;
  /**
   * Time of one call as a multiple of one P-256 signature, both measured within the same tenths of a second; median of
   * the rounds.
   */
  readonly signs: number;
}

const ROUNDS = 7;
const SLICE_MS = 60;

/**
 * Measures each case in rounds, a slice of it after a slice of the yardstick: a neighbour that takes the core for a
 * second then slows both, and the ratio stays.
 */
export function measureAll(cases: readonly MicroCase[], yardstick: () => unknown): MicroResult[] {
  return cases.map((each) => {
    each.check?.();
    callsPerSecond(() => each.run(), SLICE_MS);
    const rounds = Array.from({ length: ROUNDS }, () => {
      const sign = callsPerSecond(yardstick, SLICE_MS);
      const own = callsPerSecond(() => each.run(), SLICE_MS);
      return { own, ratio: sign / own };
    });
    return {
      name: each.name,
      perSecond: median(rounds.map(({ own }) => own)),
      signs: median(rounds.map(({ ratio }) => ratio)),
    };
  });
}

/** The middle one; of an even number the mean of the two middle ones. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function callsPerSecond(run: () => unknown, sliceMs: number): number {
  const startMs = performance.now();
  let calls = 0;
  let nowMs = startMs;
  for (; nowMs - startMs < sliceMs; nowMs = performance.now()) {
    for (let i = 0; i < 10; i++) run();
    calls += 10;
  }
  return (calls * 1000) / (nowMs - startMs);
}
