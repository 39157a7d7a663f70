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

export type LogLevelName = (typeof LOG_LEVELS)[number];
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

export const COMMANDS = ['dev', 'token', 'env', 'version', 'help'] as const;
export type HelpTopic = 'sigstead' | 'dev' | 'token' | 'env';

export type CommandLine =
  | { readonly command: 'dev'; readonly flags: DevFlags }
  | { readonly command: 'token'; readonly flags: TokenFlags }
  | { readonly command: 'env'; readonly flags: EnvFlags }
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

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h');
}

function helpTopic(rest: readonly string[]): HelpTopic {
  const [topic, ...more] = rest;
  noMore(more, 'help');
  if (topic === undefined) return 'sigstead';
  if (topic === 'dev' || topic === 'token' || topic === 'env') return topic;
  throw usageFailure(`no help on ${quoted(topic)}`);
}

function noMore(rest: readonly string[], command: string): void {
  if (rest[0] !== undefined) throw usageFailure(`unexpected ${quoted(rest[0])} after ${command}`);
}
