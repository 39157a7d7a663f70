import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

export interface FuzzOptions {
  readonly inputs: number;
  /** Empty: all. */
  readonly parsers: readonly string[];
  readonly seed: number;
  readonly first: number | undefined;
  readonly list: boolean;
}

export const HELP = `npm run test:fuzz -- [options]

Throws hostile inputs at every parser that meets what strangers send to a log, and at what a log reads from strangers.

  --inputs N        for each parser (1000000)
  --parser LIST     only these (names with commas; --list prints them all); \`http\` is the whole of a running instance
  --seed S          all inputs follow from it (a new one each time; it is printed)
  --first N         number of the first input: with --inputs 1 it repeats one finding
  --list            names of the parsers, and no more

A parser may only accept, or refuse with an error of its own closed list. What it accepts must be right where that can be said (it
is written again and compared). No input may take more than 60 ms of CPU, or never end; memory must stay flat. Each campaign begins
with the corpus of test/vectors/fuzz. A finding prints seed, number and input, and the exit code is 1.
\`http\` sends requests to a development instance that it starts, 10000 unless --inputs says otherwise.
`;

/** Options of a command line; `help` when it is asked for. Throws Error with what is wrong. */
export function readOptions(args: readonly string[]): FuzzOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      inputs: { type: 'string', default: '1000000' },
      parser: { type: 'string', default: '' },
      seed: { type: 'string' },
      first: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    inputs: whole('--inputs', values.inputs, 1, 1e9),
    parsers: values.parser === '' ? [] : values.parser.split(',').map((name) => name.trim()),
    seed: values.seed === undefined ? randomInt(2 ** 32) : whole('--seed', values.seed, 0, 2 ** 32 - 1),
    first: values.first === undefined ? undefined : whole('--first', values.first, 0, 1e9),
    list: values.list,
  };
}

function whole(flag: string, text: string, min: number, max: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new Error(`${flag} is a whole number from ${min} to ${max}`);
  return value;
}
