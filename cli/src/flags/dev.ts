import { usageFailure } from '../failure.ts';
import { given, noMore, parse, readNumber, readOneOf, readPort, readUrl } from '../option-values.ts';

export interface DevFlags {
  readonly port?: number;
  readonly host?: string;
  readonly publicUrl?: string;
  readonly data?: string;
  readonly config?: string;
  readonly ephemeral: boolean;
  readonly ctLeafIndex?: boolean;
  readonly readyFile?: string;
  readonly metricsPort?: number;
  readonly grpcPort?: number;
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

export function parseDev(args: string[]): DevFlags {
  const values = parse('dev', args, {
    port: { type: 'string' },
    host: { type: 'string' },
    'public-url': { type: 'string' },
    data: { type: 'string' },
    config: { type: 'string' },
    ephemeral: { type: 'boolean' },
    'ct-leaf-index': { type: 'boolean' },
    'ready-file': { type: 'string' },
    'metrics-port': { type: 'string' },
    'grpc-port': { type: 'string' },
    'log-level': { type: 'string' },
  }).values;
  if (values['ephemeral'] === true && values['data'] !== undefined) {
    throw usageFailure('--ephemeral makes its own folder, leave out --data', 'dev');
  }
  return {
    ephemeral: values['ephemeral'] === true,
    ...given('ctLeafIndex', values['ct-leaf-index']),
    ...given('port', readPort('dev', '--port', values['port'])),
    ...given('host', values['host']),
    ...given('publicUrl', readUrl('dev', '--public-url', values['public-url'])),
    ...given('data', values['data']),
    ...given('config', values['config']),
    ...given('readyFile', values['ready-file']),
    ...given('metricsPort', readPort('dev', '--metrics-port', values['metrics-port'])),
    ...given('grpcPort', readPort('dev', '--grpc-port', values['grpc-port'])),
    ...given('logLevel', readOneOf('dev', '--log-level', values['log-level'], LOG_LEVELS)),
  };
}

export function parseToken(args: string[]): TokenFlags {
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

export function parseEnv(args: string[]): EnvFlags {
  const { values, positionals } = parse('env', args, { url: { type: 'string' } }, true);
  const [client, ...more] = positionals;
  noMore(more, 'env');
  const known = readOneOf('env', 'client', client, ENV_CLIENTS);
  if (known === undefined) throw usageFailure(`say for which client: ${ENV_CLIENTS.join(', ')}`, 'env');
  return { client: known, ...given('url', readUrl('env', '--url', values['url'])) };
}
