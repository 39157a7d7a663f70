import { posix } from 'node:path';
import type { LogFile } from '../../serve/config/sections.ts';
import { basePathOf } from '../../serve/config/shard-rules.ts';
import type { ListenAddress } from '../../serve/config/values.ts';

/** What the operator says of the log that is to come. */
export interface NewLog {
  readonly name: string;
  /** Without a final slash. */
  readonly url: string;
  /** Default: the listener of the old log. */
  readonly listen: ListenAddress | undefined;
}

/** The section of a new log in the configuration. */
export interface NewSection {
  readonly lines: readonly string[];
  /** As the configuration writes it. */
  readonly keyFile: string;
  /** Keys of the old log's section that it does not take over, with what to do. */
  readonly notes: readonly string[];
}

/** Sections that belong to one log only, and what to do about them. */
const PLACES: Readonly<Record<string, string>> = {
  alsoSign: 'a further signer signs for one log: make new keys',
  grpc: 'give the new log a listener of its own',
  witness: 'the policy names the key of its log: write one for the new log, and tell its witnesses of it',
};

/** What makes a log that log, or says from when to when it counts: never the same for two. */
const OWN = [
  'name',
  'kind',
  'listen',
  'basePath',
  'publicUrl',
  'follows',
  'keyFile',
  'validFrom',
  'readOnly',
  'export',
  ...Object.keys(PLACES),
];

/** The new log's section: the settings of the old one, as they are written, with what is its own. JSON of a value is YAML of it. */
export function newSection(old: LogFile, written: unknown, wanted: NewLog, logs: readonly LogFile[]): NewSection {
  const raw = (typeof written === 'object' && written !== null ? written : {}) as Record<string, unknown>;
  const keyFile = posix.join(posix.dirname(old.keyFile), `${wanted.name}.key.pem`);
  const listen = wanted.listen ?? old.listen;
  const base = basePathFor(wanted, listen, logs);
  const copy = exportOf(raw['export'], old.name, wanted.name);
  const own: [string, unknown][] = [
    ['name', wanted.name],
    ['kind', 'rekor-v2'],
    ['listen', listenText(listen)],
    ...(base === undefined ? [] : [['basePath', base] as [string, unknown]]),
    ['publicUrl', wanted.url],
    ['follows', old.name],
    ['keyFile', keyFile],
    ...(copy === undefined ? [] : [['export', copy] as [string, unknown]]),
  ];
  const inherited = Object.entries(raw).filter(([key]) => !OWN.includes(key));
  const notes = [
    ...(raw['export'] !== undefined && copy === undefined ? ['export: give the new log a place of its own'] : []),
    ...Object.entries(PLACES).flatMap(([key, remedy]) => (raw[key] === undefined ? [] : [`${key}: ${remedy}`])),
  ];
  return { lines: [...own, ...inherited].map(([key, value]) => `${key}: ${plain(value)}`), keyFile, notes };
}

/** Below a path of its own where another Rekor v2 log has the root of the listener; a path in the URL is that path. */
function basePathFor({ name, url }: NewLog, listen: ListenAddress, logs: readonly LogFile[]): string | undefined {
  if (new URL(url).pathname !== '/') return undefined;
  const taken = logs.some(
    (log) =>
      log.kind === 'rekor-v2' &&
      log.listen.host === listen.host &&
      log.listen.port === listen.port &&
      basePathOf(log) === '',
  );
  return taken ? `/${name}` : undefined;
}

/** The same kind of place under the new name, when the old one's name is in it. */
function exportOf(written: unknown, oldName: string, newName: string): unknown {
  if (typeof written !== 'object' || written === null) return undefined;
  const place = { ...written } as Record<string, unknown>;
  const key = ['folder', 'prefix', 'bucket'].find((each) => textOf(place[each]).includes(oldName));
  if (key === undefined) return undefined;
  place[key] = textOf(place[key]).replaceAll(oldName, newName);
  return place;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function listenText({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Bare where YAML takes it for the same text. */
function plain(value: unknown): string {
  const text = JSON.stringify(value);
  return typeof value === 'string' &&
    /^[A-Za-z/.][A-Za-z0-9/._-]*$/.test(value) &&
    !/^(?:true|false|null|yes|no|on|off)$/i.test(value)
    ? value
    : text;
}
