import { usageFailure } from './failure.ts';
import { given, parse, quoted, readNumber, readOneOf, readPort, readUrl } from './option-values.ts';

export interface DevFlags {
  readonly port?: number;
  readonly host?: string;
  readonly publicUrl?: string;
  readonly data?: string;
  readonly config?: string;
  readonly ephemeral: boolean;
  readonly readyFile?: string;
  readonly metricsPort?: number;
  readonly logLevel?: LogLevelName;
}

export interface TokenFlags {
  readonly issuer: 'email' | 'uri' | 'ci';
  readonly email?: string;
  readonly claimsFile?: string;
  readonly lifetime?: number;
  readonly url?: string;
}

export type EnvClient = (typeof ENV_CLIENTS)[number];
export const ENV_CLIENTS = ['cosign', 'python', 'js', 'go'] as const;

export interface EnvFlags {
  readonly client: EnvClient;
  readonly url?: string;
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

export type LogFlags = { readonly config: string } & (
  | { readonly action: 'create' | 'status' | 'read-only' | 'activate'; readonly name: string }
  | { readonly action: 'list' }
  | {
      readonly action: 'freeze';
      readonly name: string;
      /** The name once more: there is no way back. */
      readonly confirm?: string;
    }
  | {
      readonly action: 'mark';
      readonly name: string;
      /** Entries that there must be at least. */
      readonly size: number;
    }
);
const LOG_ACTIONS = ['create', 'list', 'status', 'read-only', 'activate', 'freeze', 'mark'] as const;

export interface FsckFlags {
  /** An http(s) or postgresql URL, or a folder. */
  readonly source: string;
  /** One log of a database. */
  readonly log?: string;
  readonly key?: string;
  readonly origin?: string;
  readonly parallel?: number;
  readonly json: boolean;
  /** File of a checkpoint that somebody holds, or folder of such files. */
  readonly notes?: string;
}

export type LogLevelName = (typeof LOG_LEVELS)[number];
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

export const COMMANDS = [
  'dev',
  'token',
  'env',
  'serve',
  'config',
  'migrate',
  'log',
  'fsck',
  'version',
  'help',
] as const;
const TOPICS = ['sigstead', 'dev', 'token', 'env', 'serve', 'config', 'migrate', 'log', 'fsck'] as const;
export type HelpTopic = (typeof TOPICS)[number];

export type CommandLine =
  | { readonly command: 'dev'; readonly flags: DevFlags }
  | { readonly command: 'token'; readonly flags: TokenFlags }
  | { readonly command: 'env'; readonly flags: EnvFlags }
  | { readonly command: 'serve'; readonly flags: ServeFlags }
  | { readonly command: 'config'; readonly flags: ConfigFlags }
  | { readonly command: 'migrate'; readonly flags: MigrateFlags }
  | { readonly command: 'log'; readonly flags: LogFlags }
  | { readonly command: 'fsck'; readonly flags: FsckFlags }
  | { readonly command: 'version' }
  | { readonly command: 'help'; readonly topic: HelpTopic };

/** Understands the words after the program's name. Throws a usage Failure: one line, exit code 2. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const [command, ...rest] = argv;
  switch (command) {
    case 'dev':
      return asksForHelp(rest) ? { command: 'help', topic: 'dev' } : { command, flags: parseDev(rest) };
    case 'token':
      return asksForHelp(rest) ? { command: 'help', topic: 'token' } : { command, flags: parseToken(rest) };
    case 'env':
      return asksForHelp(rest) ? { command: 'help', topic: 'env' } : { command, flags: parseEnv(rest) };
    case 'serve':
      return asksForHelp(rest) ? { command: 'help', topic: 'serve' } : { command, flags: parseServe(rest) };
    case 'config':
      return asksForHelp(rest) ? { command: 'help', topic: 'config' } : { command, flags: parseConfigCommand(rest) };
    case 'migrate':
      return asksForHelp(rest) ? { command: 'help', topic: 'migrate' } : { command, flags: parseMigrate(rest) };
    case 'log':
      return asksForHelp(rest) ? { command: 'help', topic: 'log' } : { command, flags: parseLog(rest) };
    case 'fsck':
      return asksForHelp(rest) ? { command: 'help', topic: 'fsck' } : { command, flags: parseFsck(rest) };
    case 'version':
    case '--version':
    case '-v':
      noMore(rest, 'version');
      return { command: 'version' };
    case 'help':
      return { command: 'help', topic: helpTopic(rest) };
    case undefined:
    case '--help':
    case '-h':
      return { command: 'help', topic: 'sigstead' };
    default:
      throw usageFailure(`unknown command ${quoted(command)}; commands are ${COMMANDS.join(', ')}`);
  }
}

function parseDev(args: string[]): DevFlags {
  const values = parse('dev', args, {
    port: { type: 'string' },
    host: { type: 'string' },
    'public-url': { type: 'string' },
    data: { type: 'string' },
    config: { type: 'string' },
    ephemeral: { type: 'boolean' },
    'ready-file': { type: 'string' },
    'metrics-port': { type: 'string' },
    'log-level': { type: 'string' },
  }).values;
  if (values['ephemeral'] === true && values['data'] !== undefined) {
    throw usageFailure('--ephemeral makes its own folder, leave out --data', 'dev');
  }
  return {
    ephemeral: values['ephemeral'] === true,
    ...given('port', readPort('dev', '--port', values['port'])),
    ...given('host', values['host']),
    ...given('publicUrl', readUrl('dev', '--public-url', values['public-url'])),
    ...given('data', values['data']),
    ...given('config', values['config']),
    ...given('readyFile', values['ready-file']),
    ...given('metricsPort', readPort('dev', '--metrics-port', values['metrics-port'])),
    ...given('logLevel', readOneOf('dev', '--log-level', values['log-level'], LOG_LEVELS)),
  };
}

function parseToken(args: string[]): TokenFlags {
  const values = parse('token', args, {
    email: { type: 'string' },
    claims: { type: 'string' },
    issuer: { type: 'string' },
    lifetime: { type: 'string' },
    url: { type: 'string' },
  }).values;
  const issuer = readOneOf('token', '--issuer', values['issuer'], ['email', 'uri', 'ci']) ?? 'email';
  if (issuer === 'email' && (values['email'] === undefined || values['claims'] !== undefined)) {
    const what =
      values['claims'] === undefined ? 'say who: --email you@example.com' : '--claims needs --issuer uri or ci';
    throw usageFailure(what, 'token');
  }
  if (issuer !== 'email' && (values['claims'] === undefined || values['email'] !== undefined)) {
    throw usageFailure(`--issuer ${issuer} takes --claims FILE and no --email`, 'token');
  }
  return {
    issuer,
    ...given('email', values['email']),
    ...given('claimsFile', values['claims']),
    ...given('lifetime', readNumber('token', '--lifetime', values['lifetime'], 1, 86_400)),
    ...given('url', readUrl('token', '--url', values['url'])),
  };
}

function parseEnv(args: string[]): EnvFlags {
  const { values, positionals } = parse('env', args, { url: { type: 'string' } }, true);
  const [client, ...more] = positionals;
  noMore(more, 'env');
  const known = readOneOf('env', 'client', client, ENV_CLIENTS);
  if (known === undefined) throw usageFailure(`say for which client: ${ENV_CLIENTS.join(', ')}`, 'env');
  return { client: known, ...given('url', readUrl('env', '--url', values['url'])) };
}

function parseServe(args: string[]): ServeFlags {
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

function parseConfigCommand(args: string[]): ConfigFlags {
  const [action, file, ...more] = parse('config', args, {}, true).positionals;
  noMore(more, 'config');
  if (action === 'check') return { action, file: needed('config', 'the FILE to check', file) };
  if (action !== 'print-example') throw usageFailure('say what to do: check FILE, or print-example', 'config');
  if (file !== undefined) throw usageFailure(`unexpected ${quoted(file)} after print-example`, 'config');
  return { action };
}

function parseMigrate(args: string[]): MigrateFlags {
  const { values } = parse('migrate', args, { config: { type: 'string' } });
  return { config: needed('migrate', '--config FILE', values['config']) };
}

function parseLog(args: string[]): LogFlags {
  const text = { type: 'string' } as const;
  const options = { config: text, name: text, confirm: text, size: text };
  const { values, positionals } = parse('log', args, options, true);
  const [word, positional, ...more] = positionals;
  noMore(more, 'log');
  const action = LOG_ACTIONS.find((each) => each === word);
  if (action === undefined) throw usageFailure(`say what to do: ${LOG_ACTIONS.join(', ')}`, 'log');
  if (values.confirm !== undefined && action !== 'freeze') throw usageFailure('--confirm is for freeze', 'log');
  if (values.size !== undefined && action !== 'mark') throw usageFailure('--size is for mark', 'log');
  const config = needed('log', '--config FILE', values.config);
  if (positional !== undefined && values.name !== undefined) throw usageFailure('name one log', 'log');
  const named = positional ?? values.name;
  if (action === 'list') {
    if (named !== undefined) throw usageFailure('list shows all logs: for one, status NAME', 'log');
    return { action, config };
  }
  const name = needed('log', 'the log: NAME', named);
  if (action === 'freeze') return { action, config, name, ...given('confirm', values.confirm) };
  if (action !== 'mark') return { action, config, name };
  const size = readNumber('log', '--size', values.size, 0, Number.MAX_SAFE_INTEGER);
  if (size === undefined) throw usageFailure('say how many entries there must be at least: --size N', 'log');
  return { action, config, name, size };
}

function needed(command: string, what: string, value: string | undefined): string {
  if (value === undefined) throw usageFailure(`name ${what}`, command);
  return value;
}

function parseFsck(args: string[]): FsckFlags {
  const options = {
    key: { type: 'string' },
    origin: { type: 'string' },
    parallel: { type: 'string' },
    notes: { type: 'string' },
    json: { type: 'boolean' },
  } as const;
  const { values, positionals } = parse('fsck', args, options, true);
  const [source, log, ...more] = positionals;
  noMore(more, 'fsck');
  if (source === undefined || source === '')
    throw usageFailure('say what to check: a URL, a folder, a database', 'fsck');
  const isDatabase = /^postgres(ql)?:\/\//.test(source);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(source) && !isDatabase && !/^https?:\/\//.test(source)) {
    throw usageFailure(`${quoted(source)} is neither http, https nor postgresql`, 'fsck');
  }
  if (source.includes('://') && URL.parse(source) === null) throw usageFailure('the URL cannot be read', 'fsck');
  if (log !== undefined && !isDatabase) throw usageFailure('only a database holds logs by name', 'fsck');
  if (isDatabase && (values['origin'] !== undefined || values['parallel'] !== undefined)) {
    throw usageFailure('--origin and --parallel are for published logs', 'fsck');
  }
  if (isDatabase && log === undefined && values['notes'] !== undefined) {
    throw usageFailure('--notes are of one log: name it', 'fsck');
  }
  return {
    source,
    json: values['json'] === true,
    ...given('log', log),
    ...given('key', values['key']),
    ...given('origin', values['origin']),
    ...given('notes', values['notes']),
    ...given('parallel', readNumber('fsck', '--parallel', values['parallel'], 1, 64)),
  };
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h');
}

function helpTopic(rest: readonly string[]): HelpTopic {
  const [topic, ...more] = rest;
  noMore(more, 'help');
  if (topic === undefined) return 'sigstead';
  const known = TOPICS.find((name) => name === topic);
  if (known !== undefined && known !== 'sigstead') return known;
  throw usageFailure(`no help on ${quoted(topic)}`);
}

function noMore(rest: readonly string[], command: string): void {
  if (rest[0] !== undefined) throw usageFailure(`unexpected ${quoted(rest[0])} after ${command}`);
}
