import { usageFailure } from '../failure.ts';
import { given, needed, noMore, parse, quoted, readNumber, readUrl } from '../option-values.ts';

export interface InitFlags {
  /** Made; must not be there yet, or be empty. */
  readonly folder: string;
  /** Origin that clients use. */
  readonly url: string;
  /** PostgreSQL URL without a password. */
  readonly database: string;
  /** HOST:PORT of all services. */
  readonly listen: string;
  /** Whose name the certificates carry. */
  readonly organization: string;
}

export interface ServeFlags {
  readonly config: string;
  /** Processes; the configuration says how many when it is absent. */
  readonly workers?: number;
  readonly readyFile?: string;
}

export type ConfigFlags = { readonly action: 'check'; readonly file: string } | { readonly action: 'print-example' };

export interface MigrateFlags {
  readonly config: string;
}

export function parseServe(args: string[]): ServeFlags {
  const values = parse('serve', args, {
    config: { type: 'string' },
    workers: { type: 'string' },
    'ready-file': { type: 'string' },
  }).values;
  return {
    config: needed('serve', '--config FILE', values['config']),
    ...given('workers', readNumber('serve', '--workers', values['workers'], 1, 64)),
    ...given('readyFile', values['ready-file']),
  };
}

export function parseConfigCommand(args: string[]): ConfigFlags {
  const [action, file, ...more] = parse('config', args, {}, true).positionals;
  noMore(more, 'config');
  if (action === 'check') return { action, file: needed('config', 'the FILE to check', file) };
  if (action !== 'print-example') throw usageFailure('say what to do: check FILE, or print-example', 'config');
  if (file !== undefined) throw usageFailure(`unexpected ${quoted(file)} after print-example`, 'config');
  return { action };
}

export function parseMigrate(args: string[]): MigrateFlags {
  const { values } = parse('migrate', args, { config: { type: 'string' } });
  return { config: needed('migrate', '--config FILE', values['config']) };
}

const DATABASE_URL = /^postgres(?:ql)?:\/\/[^\s#]+$/;

export function parseInit(args: string[]): InitFlags {
  const options = {
    url: { type: 'string' },
    database: { type: 'string' },
    listen: { type: 'string' },
    organization: { type: 'string' },
  } as const;
  const { values, positionals } = parse('init', args, options, true);
  const [folder, ...more] = positionals;
  noMore(more, 'init');
  const url = needed('init', '--url URL', readUrl('init', '--url', values['url']));
  const database = needed('init', '--database URL', values['database']);
  if (!DATABASE_URL.test(database)) throw usageFailure('--database must be like postgresql://user@host/name', 'init');
  return {
    folder: needed('init', 'the FOLDER to make', folder),
    url,
    database,
    listen: values['listen'] ?? '127.0.0.1:8080',
    organization: values['organization'] ?? new URL(url).hostname,
  };
}
