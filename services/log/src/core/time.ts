import { LogError } from './errors.ts';

/** How far the last head may be ahead of the clock before a log with strict time refuses to go on. */
export const MAX_CLOCK_LAG_MS = 1000;

/**
 * Time of the next head. It never goes back; in strict kinds it is later than the last one, by 1 ms if it must, but
 * not by borrowing more than MAX_CLOCK_LAG_MS from the future: then `unavailable`. SPEC: RFC 6962 §3.5
 */
export function nextHeadTime(input: { nowMs: number; lastMs: number; strict: boolean }): number {
  const { nowMs, lastMs, strict } = input;
  if (!strict) return Math.max(nowMs, lastMs);
  if (lastMs - nowMs > MAX_CLOCK_LAG_MS) {
    throw new LogError('unavailable', 'log is temporarily unavailable', {
      detail: `the clock (${nowMs}) is ${lastMs - nowMs} ms behind the last signed head`,
    });
  }
  return Math.max(nowMs, lastMs + 1);
}
