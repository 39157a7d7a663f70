import { TufError } from './errors.ts';
import { ROLES, type RoleName } from './metadata.ts';

/** How long a role's metadata lives, and how long after signing it is signed anew. Milliseconds. */
export interface RolePeriod {
  lifetimeMs: number;
  renewAfterMs: number;
}
export type Periods = Readonly<Record<RoleName, RolePeriod>>;

const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export const DEFAULT_PERIODS: Periods = {
  root: { lifetimeMs: 365 * DAY_MS, renewAfterMs: 180 * DAY_MS },
  targets: { lifetimeMs: 365 * DAY_MS, renewAfterMs: 180 * DAY_MS },
  snapshot: { lifetimeMs: 30 * DAY_MS, renewAfterMs: 10 * DAY_MS },
  timestamp: { lifetimeMs: 7 * DAY_MS, renewAfterMs: DAY_MS },
};

/** Refuses periods under which something could expire between two renewals: renewal must come before half of the life. */
export function checkPeriods(periods: Periods): Periods {
  for (const role of ROLES) {
    const { lifetimeMs, renewAfterMs } = periods[role];
    const whole = Number.isSafeInteger(lifetimeMs) && Number.isSafeInteger(renewAfterMs);
    if (!whole || renewAfterMs < 1000 || renewAfterMs * 2 > lifetimeMs) {
      throw new TufError('period_invalid', `${role}: renewal wants at least a second and at most half of the lifetime`);
    }
  }
  return periods;
}

/** When metadata that expires at `expiresMs` is to be signed anew. */
export function renewalDueMs(expiresMs: number, period: RolePeriod): number {
  return expiresMs - (period.lifetimeMs - period.renewAfterMs);
}
