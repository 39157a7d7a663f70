import { readFlags, UsageError, wholeNumber, wholeNumbers } from '../flags.ts';

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
  const values = readFlags(args, OPTIONS);
  if (values.help) return 'help';
  const options = {
    rates: list('--rate', values.rate, 1, 20_000),
    inFlight: list('--in-flight', values['in-flight'], 1, 4096),
    seconds: wholeNumber('--seconds', values.seconds, 1, 600),
    warmUpSeconds: wholeNumber('--warm-up', values['warm-up'], 1, 60),
    rounds: wholeNumber('--rounds', values.rounds, 1, 20),
    verifyEvery: wholeNumber('--verify-every', values['verify-every'], 1, 1_000_000),
    pin: !values['no-pin'],
    json: values.json,
  };
  if (options.rates.length + options.inFlight.length === 0) throw new UsageError('nothing to measure');
  return options;
}

/** Empty for none. */
function list(flag: string, text: string, min: number, max: number): number[] {
  return text === '' ? [] : wholeNumbers(flag, text, { min, max, most: 10 });
}
