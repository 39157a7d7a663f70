import { parseArgs } from 'node:util';

/** What one command line asks for. */
export interface PeerOptions {
  readonly rates: readonly number[];
  readonly inFlight: readonly number[];
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
  readonly verifyEvery: number;
  readonly pin: boolean;
  readonly json: boolean;
}

export class UsageError extends Error {}

const OPTIONS = {
  rate: { type: 'string', default: '50,500,2000' },
  'in-flight': { type: 'string', default: '256,512' },
  seconds: { type: 'string', default: '8' },
  'warm-up': { type: 'string', default: '3' },
  rounds: { type: 'string', default: '2' },
  'verify-every': { type: 'string', default: '100' },
  'no-pin': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Options of a command line; `help` when it is asked for. Throws UsageError. */
export function readOptions(args: readonly string[]): PeerOptions | 'help' {
  const values = parse(args);
  if (values.help) return 'help';
  const options = {
    rates: list('--rate', values.rate, 1, 20_000),
    inFlight: list('--in-flight', values['in-flight'], 1, 4096),
    seconds: number('--seconds', values.seconds, 1, 600),
    warmUpSeconds: number('--warm-up', values['warm-up'], 1, 60),
    rounds: number('--rounds', values.rounds, 1, 20),
    verifyEvery: number('--verify-every', values['verify-every'], 1, 1_000_000),
    pin: !values['no-pin'],
    json: values.json,
  };
  if (options.rates.length + options.inFlight.length === 0) throw new UsageError('nothing to measure');
  return options;
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

/** Empty for none. */
function list(flag: string, text: string, min: number, max: number): number[] {
  if (text === '') return [];
  const values = text.split(',').map((each) => number(flag, each.trim(), min, max));
  if (values.length > 10) throw new UsageError(`${flag} takes 10 values at most`);
  return values;
}
