import { usageFailure } from '../failure.ts';
import { given, needed, noMore, parse, quoted } from '../option-values.ts';

export type WitnessFlags =
  | { readonly action: 'serve'; readonly config: string; readonly readyFile?: string }
  | { readonly action: 'init'; readonly folder: string; readonly name: string; readonly listen: string }
  /** Over a configuration that is there: what is missing of key and state. */
  | {
      readonly action: 'init';
      readonly config: string;
      /** A key that is there already has never cosigned. */
      readonly unusedKey: boolean;
    }
  | { readonly action: 'key' | 'check'; readonly config: string };

export function parseWitness(args: string[]): WitnessFlags {
  const text = { type: 'string' } as const;
  const options = {
    config: text,
    'ready-file': text,
    name: text,
    listen: text,
    'unused-key': { type: 'boolean' },
  } as const;
  const { values, positionals } = parse('witness', args, options, true);
  const [word, ...rest] = positionals;
  if (word === 'init') return parseInit(values, rest);
  for (const name of ['name', 'listen'] as const) {
    if (values[name] !== undefined) throw usageFailure(`--${name} is for init`, 'witness');
  }
  if (values['unused-key'] !== undefined) throw usageFailure('--unused-key is for init', 'witness');
  noMore(rest, 'witness');
  if (word !== undefined && word !== 'key' && word !== 'check') {
    throw usageFailure(`unknown ${quoted(word)}; say init, key or check, or nothing to serve`, 'witness');
  }
  const config = needed('witness', '--config FILE', values.config);
  if (word === undefined) return { action: 'serve', config, ...given('readyFile', values['ready-file']) };
  if (values['ready-file'] !== undefined) throw usageFailure('--ready-file is for serving', 'witness');
  return { action: word, config };
}

interface InitValues {
  readonly config?: string;
  readonly name?: string;
  readonly listen?: string;
  readonly 'ready-file'?: string;
  readonly 'unused-key'?: boolean;
}

function parseInit(values: InitValues, [folder, ...more]: string[]): WitnessFlags {
  noMore(more, 'witness init');
  const { config, name, listen } = values;
  const unusedKey = values['unused-key'] === true;
  if (values['ready-file'] !== undefined) throw usageFailure('--ready-file is for serving', 'witness');
  if (config !== undefined) {
    if (folder !== undefined || name !== undefined || listen !== undefined) {
      throw usageFailure('init takes a FOLDER with --name, or --config alone', 'witness');
    }
    return { action: 'init', config, unusedKey };
  }
  if (unusedKey) throw usageFailure('--unused-key is for init --config', 'witness');
  return {
    action: 'init',
    folder: needed('witness', 'the FOLDER to make', folder),
    name: needed('witness', '--name NAME', name),
    listen: listen ?? '127.0.0.1:8094',
  };
}
