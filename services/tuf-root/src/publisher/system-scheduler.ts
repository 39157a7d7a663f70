import type { Scheduler } from '../core/ports.ts';

/** Longest delay that the timer of Node takes. */
const MAX_DELAY_MS = 2_147_483_647;

/** Timers that do not keep a process alive. */
export const systemScheduler: Scheduler = {
  after(delayMs, action) {
    const timer = setTimeout(action, Math.min(Math.max(delayMs, 0), MAX_DELAY_MS));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
