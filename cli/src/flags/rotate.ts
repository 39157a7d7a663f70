import { durationMs, ROTATE_STEPS, type RotateStep } from '../commands/rotate/plan.ts';
import { usageFailure } from '../failure.ts';
import { given, readOneOf } from '../option-values.ts';

export interface RotateFlags {
  readonly action: 'rotate';
  readonly config: string;
  /** The log that ends. */
  readonly name: string;
  /** Absent: only look. */
  readonly step?: RotateStep;
  /** The new log's name, URL and listener, as they were said. */
  readonly to?: string;
  readonly url?: string;
  readonly listen?: string;
  /** Into the configuration, not onto the screen. */
  readonly write: boolean;
  readonly waitMs?: number;
  /** Whether the new log must answer at its URL before it is published. */
  readonly probe: boolean;
  readonly confirm?: string;
}

/** Options of `log rotate` alone, and the steps that each of them goes with. */
export const ROTATE_OPTIONS = {
  step: { type: 'string' },
  to: { type: 'string' },
  url: { type: 'string' },
  listen: { type: 'string' },
  write: { type: 'boolean' },
  wait: { type: 'string' },
  'no-probe': { type: 'boolean' },
} as const;

const GOES_WITH: Readonly<
  Record<Exclude<keyof typeof ROTATE_OPTIONS, 'step' | 'wait'> | 'confirm', readonly RotateStep[]>
> = {
  to: ['prepare'],
  url: ['prepare'],
  listen: ['prepare'],
  write: ['prepare'],
  'no-probe': ['publish', 'switch'],
  confirm: ['freeze'],
};

export interface RotateValues {
  step?: string;
  to?: string;
  url?: string;
  listen?: string;
  write?: boolean;
  wait?: string;
  'no-probe'?: boolean;
  confirm?: string;
}

/** Throws a usage Failure. */
export function rotateFlags(config: string, name: string, values: RotateValues): RotateFlags {
  const step = readOneOf('log', '--step', values.step, ROTATE_STEPS);
  for (const [option, steps] of Object.entries(GOES_WITH)) {
    if (values[option as keyof typeof GOES_WITH] === undefined) continue;
    if (step === undefined || !steps.includes(step)) {
      throw usageFailure(`--${option} goes with ${steps.map((each) => `--step ${each}`).join(' and ')}`, 'log');
    }
  }
  if (step === 'prepare' && (values.to === undefined || values.url === undefined)) {
    throw usageFailure('--step prepare wants the new log: --to NAME --url URL', 'log');
  }
  const waitMs = values.wait === undefined ? undefined : durationMs(values.wait);
  if (values.wait !== undefined && waitMs === undefined) {
    throw usageFailure('--wait must be like 7d, 36h, 90m, 30s or 0', 'log');
  }
  return {
    action: 'rotate',
    config,
    name,
    write: values.write === true,
    probe: values['no-probe'] !== true,
    ...given('step', step),
    ...given('to', values.to),
    ...given('url', values.url),
    ...given('listen', values.listen),
    ...given('waitMs', waitMs),
    ...given('confirm', values.confirm),
  };
}
