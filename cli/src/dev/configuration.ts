import { join } from 'node:path';
import { CLIENT_ID } from '@sigstead/dev-oidc';
import { writeFileAtomically } from '../files.ts';
import type { Environment } from '../serve/config/connection.ts';
import { parseServeConfig, type ServeConfig } from '../serve/config/load.ts';
import type { Database } from './database.ts';
import type { Ground } from './ground.ts';
import { CONFIGURATION, KEYS, MARKS } from './layout.ts';

/** Where the CT log is served. */
const CT_PATH = '/ct/dev';
/** Where the generated configuration looks for the password that DATABASE_URL holds. */
const PASSWORD = 'SIGSTEAD_DATABASE_PASSWORD';

/** A configuration with the environment that its references are read from. */
export interface Generated {
  readonly config: ServeConfig;
  readonly env: Environment;
}

/**
 * Writes what this start runs as a configuration of `sigstead serve` into the data folder, and reads it as that command does.
 * Throws a Failure when the settings give no valid one.
 */
export async function writeConfiguration(ground: Ground, database: Database): Promise<Generated> {
  const path = join(ground.folder.path, CONFIGURATION);
  const { url, password } = withoutPassword(database.connectionString);
  const text = configurationText(ground, { url, hasPassword: password !== undefined, isOwn: database.isOwn });
  const config = parseServeConfig(text, path);
  await writeFileAtomically(path, text, 0o644);
  return { config, env: password === undefined ? {} : { [PASSWORD]: password } };
}

interface DatabaseAddress {
  readonly url: string;
  readonly hasPassword: boolean;
  readonly isOwn: boolean;
}

/** JSON of a text is YAML of it too. */
const yaml = (value: string): string => JSON.stringify(value);

/** How such a file begins. */
export const GENERATED = '# Written anew at every start of `sigstead dev`';

function configurationText(ground: Ground, database: DatabaseAddress): string {
  const { publicUrl, settings } = ground;
  const at = `listen: ${listenText(settings.host, ground.held.port)}`;
  const site = `${at}\n  publicUrl: ${yaml(publicUrl)}`;
  const key = (name: string): string => `${KEYS}/${name}.pem`;
  return `${GENERATED}, which then runs exactly this: change its settings in sigstead.yaml.
# \`sigstead config print-example\` explains every key; \`sigstead config check\` and \`sigstead serve\` take the file as it stands.
version: 1
mode: development
logLevel: ${settings.logLevel}
stateFolder: ${MARKS}
metrics:
  listen: localhost:${ground.heldMetrics.port}
${databaseText(database)}
logs:
  - name: rekor
    kind: rekor-v2
    ${at}
    publicUrl: ${yaml(publicUrl)}
    keyFile: ${key('rekor.key')}
    search: on
${grpcText(ground)}  - name: dev
    kind: ct
    ${at}
    publicUrl: ${yaml(publicUrl + CT_PATH)}
    keyFile: ${key('ct.key')}
    leafIndex: ${settings.ctLeafIndex}
    extKeyUsages: [CodeSigning]
ca:
  ${site}
  chainFile: ${key('ca-chain.crt')}
  keyFile: ${key('ca-intermediate.key')}
  ct: {log: dev}
${issuersText(publicUrl)}
tsa:
  ${site}
  chainFile: ${key('tsa-chain.crt')}
  keyFile: ${key('tsa-leaf.key')}
tuf:
  ${at}
  publicUrl: ${yaml(`${publicUrl}/tuf`)}
  operator: ${yaml(ground.origin)}
  internalUrls: allow
  oidcUrls: [${yaml(`${publicUrl}/oidc`)}]
  keys:
${(['root', 'targets', 'snapshot', 'timestamp'] as const).map((role) => `    ${role}: ${key(`tuf-${role}.key`)}\n`).join('')}\
devOidc:
  ${site}
  keyFile: ${key('oidc.key')}
`;
}

function grpcText({ heldGrpc, settings }: Ground): string {
  return heldGrpc === undefined ? '' : `    grpc: {listen: ${listenText(settings.host, heldGrpc.port)}}\n`;
}

function databaseText({ url, hasPassword, isOwn }: DatabaseAddress): string {
  const lines = [
    'database:',
    isOwn ? '  # From DATABASE_URL.' : '  # The embedded PostgreSQL, which runs only while `sigstead dev` does.',
    `  url: ${yaml(url)}`,
    ...(hasPassword ? [`  passwordEnv: ${PASSWORD}`] : []),
    '  migrate: on-start',
    // What a database of one's own may lose is its owner's choice in development; the log says it.
    ...(isOwn ? ['  dangerouslyAllowUnsafeSettings: true'] : []),
  ];
  return lines.join('\n');
}

function issuersText(publicUrl: string): string {
  const { protocol, hostname } = new URL(publicUrl);
  const issuer = (path: string, type: string, more = ''): string =>
    `      ${yaml(publicUrl + path)}: {client-id: ${CLIENT_ID}, description: Sigstead development issuer, type: ${type}${more}}\n`;
  return `  issuers:
    oidc-issuers:
${issuer('/oidc', 'email')}\
${issuer('/oidc/uri', 'uri', `, subject-domain: ${yaml(`${protocol}//${hostname}`)}`)}\
${issuer('/oidc/ci', 'ci-provider', ', ci-provider: github-workflow')}`.trimEnd();
}

/** As the configuration writes it: an IPv6 address in brackets. */
function listenText(host: string, port: number): string {
  return yaml(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
}

/** The address as it may be stored, and the password that was in it. */
export function withoutPassword(url: string): { url: string; password: string | undefined } {
  const parsed = URL.parse(url);
  const inQuery = parsed?.searchParams.get('password') ?? '';
  if (parsed === null) return withoutPasswordOfList(url);
  if (parsed.password + inQuery === '') return { url, password: undefined };
  // As the driver has it: what stands in the query wins.
  const password = inQuery === '' ? decoded(parsed.password) : inQuery;
  parsed.password = '';
  if (parsed.searchParams.has('password')) parsed.searchParams.delete('password');
  return { url: parsed.href, password };
}

/** Of several servers with ports, which are no URL to anybody but PostgreSQL's clients. */
function withoutPasswordOfList(url: string): { url: string; password: string | undefined } {
  const [, scheme = '', user = '', given, rest = ''] =
    /^(postgres(?:ql)?:\/\/)([^/?#:@]*):([^/?#@]*)(@.*)$/s.exec(url) ?? [];
  const inQuery = /[?&]password=([^&#]*)/.exec(url)?.[1];
  const written = given === undefined ? url : `${scheme}${user}${rest}`;
  const bare = written.replace(/([?&])password=[^&#]*(&|$)/, (_all, before: string, after: string) =>
    after === '' ? '' : before,
  );
  const password = inQuery ?? given;
  return { url: bare, password: password === undefined ? undefined : decoded(password) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign stands for itself.
    return text;
  }
}
