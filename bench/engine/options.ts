import { readFlags, wholeNumber, wholeNumbers } from '../flags.ts';

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
  const values = readFlags(args, OPTIONS);
  if (values.help === true) return 'help';
  return {
    inFlight: list('--in-flight', values['in-flight'] ?? '256,512,1024', 1, 4096),
    seconds: wholeNumber('--seconds', values.seconds ?? '10', 0, 3600),
    warmUpSeconds: wholeNumber('--warm-up', values['warm-up'] ?? '3', 0, 60),
    windowSeconds: wholeNumber('--window', values.window ?? '5', 1, 600),
    bytes: wholeNumber('--bytes', values.bytes ?? '3200', 64, 65_535),
    lone: wholeNumber('--lone', values.lone ?? '1000', 0, 1_000_000),
    sizes: list('--sizes', values.sizes ?? '', 1, 100_000_000),
    rounds: wholeNumber('--rounds', values.rounds ?? '5', 1, 100),
    roundEntries: wholeNumber('--round-entries', values['round-entries'] ?? '16384', 1024, 1_000_000),
    dedupShare: values['no-dedup-share'] !== true,
    mark: values.mark === true,
    json: values.json === true,
  };
}

/** Empty for none. */
function list(flag: string, text: string, min: number, max: number): number[] {
  return text === '' ? [] : wholeNumbers(flag, text, { min, max, most: 10 });
}
