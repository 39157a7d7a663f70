import type { TimeFloor } from '../core/ports.ts';

/** Remembers nothing over restarts: for tests and for runs whose data is thrown away anyway. */
export function memoryTimeFloor(): TimeFloor {
  return { startSec: undefined, raise: () => Promise.resolve() };
}
