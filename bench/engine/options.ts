import { parseArgs } from 'node:util';

/** What one command line asks for. */
export interface EngineOptions {
  /** Waiters in flight, one run each. */
  readonly inFlight: readonly number[];
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly windowSeconds: number;
  /** Bytes of a record. */
  readonly bytes: number;
  /** Appends of the lone writer; 0: no such run. */
  readonly lone: number;
  /** Tree sizes between which growth is measured; empty: not measured. */
  readonly sizes: readonly number[];
  readonly rounds: number;
  /** Appends of one round of growth. */
  readonly roundEntries: number;
  /** Whether there is a run without look-up and unique index of identities. */
  readonly dedupShare: boolean;
  /** Whether the high-water mark is kept, in a file beside the database. */
  readonly mark: boolean;
  readonly json: boolean;
}

export class UsageError extends Error {}

const OPTIONS = {
  'in-flight': { type: 'string' },
  seconds: { type: 'string' },
  'warm-up': { type: 'string' },
  window: { type: 'string' },
  bytes: { type: 'string' },
  lone: { type: 'string' },
  sizes: { type: 'string' },
  rounds: { type: 'string' },
  'round-entries': { type: 'string' },
  'no-dedup-share': { type: 'boolean' },
  mark: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Options of a command line; `help` when it is asked for. Throws UsageError. */
export function readOptions(args: readonly string[]): EngineOptions | 'help' {
  const values = parse(args);
  if (values.help === true) return 'help';
  return {
    inFlight: list('--in-flight', values['in-flight'] ?? '256,512,1024', 1, 4096),
    seconds: number('--seconds', values.seconds ?? '10', 0, 3600),
    warmUpSeconds: number('--warm-up', values['warm-up'] ?? '3', 0, 60),
    windowSeconds: number('--window', values.window ?? '5', 1, 600),
    bytes: number('--bytes', values.bytes ?? '3200', 64, 65_535),
    lone: number('--lone', values.lone ?? '1000', 0, 1_000_000),
    sizes: list('--sizes', values.sizes ?? '', 1, 100_000_000),
    rounds: number('--rounds', values.rounds ?? '5', 1, 100),
    roundEntries: number('--round-entries', values['round-entries'] ?? '16384', 1024, 1_000_000),
    dedupShare: values['no-dedup-share'] !== true,
    mark: values.mark === true,
    json: values.json === true,
  };
}

function parse(args: readonly string[]): ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'] {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true }).values;
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

function number(flag: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new UsageError(`${flag} is a whole number from ${min} to ${max}`);
  return value;
}

function list(flag: string, text: string, min: number, max: number): number[] {
  if (text === '') return [];
  const values = text.split(',').map((each) => number(flag, each.trim(), min, max));
  if (values.length > 10) throw new UsageError(`${flag} takes 10 values at most`);
  return values;
}
