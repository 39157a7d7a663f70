/** Thrown out of a pass that is to end. */
export class ScrubEnded extends Error {
  override readonly name = 'ScrubEnded';
}

/** Shorter waits than this are saved up: timers are no finer. */
const SHORTEST_WAIT_MS = 20;

/**
 * Lets `bytesPerSecond` through on average: called with what was read, it waits for as long as that may take. The time
 * of the work itself is not taken off, so it is rather slower. Throws ScrubEnded once the signal is aborted.
 */
export function scrubPace(options: {
  bytesPerSecond: number;
  wait: (ms: number, signal: AbortSignal) => Promise<void>;
  signal: AbortSignal;
}): (bytes: number) => Promise<void> {
  const { bytesPerSecond, wait, signal } = options;
  let owedMs = 0;
  return async (bytes) => {
    owedMs += (bytes * 1000) / bytesPerSecond;
    if (owedMs >= SHORTEST_WAIT_MS) {
      const ms = owedMs;
      owedMs = 0;
      await wait(ms, signal);
    }
    if (signal.aborted) throw new ScrubEnded('the scrub was told to end');
  };
}
