import { issuersSchema } from '@sigstead/ca';
import { CLIENT_SIGNING_ALGORITHMS } from '@sigstead/log';
import { c, type ObjectOf, type Shape } from '@sigstead/platform';
import { acceptedRoots, ctLog } from './ct-sections.ts';
import { grpc, grpcTls } from './grpc-section.ts';
import {
  basePath,
  databaseServer,
  databaseUrl,
  filePath,
  listenAddress,
  logName,
  noteName,
  serviceUrl,
  time,
  variableName,
} from './values.ts';
import { witness } from './witness-section.ts';

const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/;
const REGION = /^[A-Za-z0-9-]{1,64}$/;
const PREFIX = /^(?:[^/\s]+\/)+$/;
const name = logName;

const database = {
  url: databaseUrl,
  hosts: c.optional(c.list(databaseServer, { min: 1, max: 16 })),
  passwordEnv: c.optional(variableName),
  passwordFile: c.optional(filePath),
  migrate: c.withDefault(c.oneOf('never', 'on-start'), 'never'),
  migrationUrl: c.optional(databaseUrl),
  migrationPasswordEnv: c.optional(variableName),
  migrationPasswordFile: c.optional(filePath),
  readConnections: c.withDefault(c.integer({ min: 1, max: 200 }), 8),
  scrubMiBPerSecond: c.withDefault(c.integer({ min: 0, max: 1000, unit: 'MiB a second' }), 4),
  scrubPauseMinutes: c.withDefault(c.integer({ min: 0, max: 10_080, unit: 'minutes' }), 60),
  dangerouslyAllowUnsafeSettings: c.withDefault(c.boolean(), false),
};

const metrics = { listen: listenAddress };

const s3 = {
  bucket: c.string({ pattern: BUCKET, expected: 'the name of a bucket' }),
  region: c.string({ pattern: REGION, expected: 'the name of a region' }),
  prefix: c.optional(c.string({ pattern: PREFIX, expected: 'a text that ends in /' })),
  endpoint: c.optional(serviceUrl),
  pathStyle: c.optional(c.boolean()),
};

const mark = { s3: c.object(s3) };

const logExport = {
  folder: c.optional(filePath),
  bucket: c.optional(s3.bucket),
  prefix: s3.prefix,
  region: c.optional(s3.region),
  endpoint: c.optional(serviceUrl),
  pathStyle: c.optional(c.boolean()),
  intervalMs: c.withDefault(c.integer({ min: 100, max: 3_600_000, unit: 'milliseconds' }), 1_000),
};

const alsoSign = { keyFile: filePath, name: c.optional(noteName) };

const log = {
  name,
  kind: c.oneOf('rekor-v2', 'ct'),
  listen: listenAddress,
  basePath: c.optional(basePath),
  publicUrl: serviceUrl,
  follows: c.optional(name),
  keyFile: filePath,
  alsoSign: c.withDefault(c.list(c.object(alsoSign), { max: 8 }), []),
  ...ctLog,
  readOnly: c.withDefault(c.boolean(), false),
  duplicates: c.optional(c.oneOf('original', 'conflict')),
  dsse: c.optional(c.oneOf('on', 'off')),
  search: c.optional(c.oneOf('on', 'off')),
  clientSigningAlgorithms: c.optional(c.list(c.oneOf(...CLIENT_SIGNING_ALGORITHMS), { min: 1 })),
  export: c.optional(c.object(logExport)),
  grpc: c.optional(c.object(grpc)),
  witness: c.optional(c.object(witness)),
  validFrom: c.optional(time),
};

const caCt = {
  log: c.optional(name),
  url: c.optional(serviceUrl),
  publicKeyFile: c.optional(filePath),
  caFile: c.optional(filePath),
};

const ca = {
  listen: listenAddress,
  publicUrl: serviceUrl,
  chainFile: filePath,
  keyFile: filePath,
  ct: c.object(caCt),
  issuers: issuersSchema,
  validFrom: c.optional(time),
};

const tsa = {
  listen: listenAddress,
  publicUrl: serviceUrl,
  chainFile: filePath,
  keyFile: filePath,
  includeChain: c.withDefault(c.boolean(), false),
  validFrom: c.optional(time),
};

const tufKeys = {
  root: c.optional(filePath),
  targets: c.optional(filePath),
  snapshot: filePath,
  timestamp: filePath,
  previousRoot: c.optional(c.list(filePath, { max: 10 })),
};

const trustedChain = {
  url: serviceUrl,
  chainFile: filePath,
  validFrom: c.optional(time),
  validUntil: c.optional(time),
  sign: c.withDefault(c.boolean(), false),
};

const trustedLog = {
  url: serviceUrl,
  publicKeyFile: filePath,
  validFrom: c.optional(time),
  validUntil: c.optional(time),
  sign: c.withDefault(c.boolean(), false),
};

const { sign: _noSigning, ...trustedCtLog } = trustedLog;

const alsoTrust = {
  certificateAuthorities: c.withDefault(c.list(c.object(trustedChain)), []),
  timestampAuthorities: c.withDefault(c.list(c.object(trustedChain)), []),
  rekorLogs: c.withDefault(c.list(c.object(trustedLog)), []),
  ctLogs: c.withDefault(c.list(c.object(trustedCtLog)), []),
};

const tuf = {
  listen: listenAddress,
  publicUrl: serviceUrl,
  operator: c.string({
    pattern: /^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/,
    expected: 'a name without scheme, such as example.org',
  }),
  keys: c.object(tufKeys),
  oidcUrls: c.withDefault(c.list(serviceUrl, { max: 20 }), []),
  internalUrls: c.withDefault(c.oneOf('warn', 'refuse', 'allow'), 'warn'),
  alsoTrust: c.optional(c.object(alsoTrust)),
};

const devOidc = {
  listen: listenAddress,
  publicUrl: serviceUrl,
  keyFile: filePath,
};

/** The keys of the whole file. */
export const WHOLE = {
  version: c.integer({ min: 1, max: 1 }),
  mode: c.withDefault(c.oneOf('production', 'development'), 'production'),
  logLevel: c.withDefault(c.oneOf('debug', 'info', 'warn', 'error', 'silent'), 'info'),
  workers: c.withDefault(c.integer({ min: 1, max: 64 }), 1),
  stateFolder: c.optional(filePath),
  mark: c.optional(c.object(mark)),
  metrics: c.optional(c.object(metrics)),
  database: c.optional(c.object(database)),
  logs: c.withDefault(c.list(c.object(log), { max: 50 }), []),
  ca: c.optional(c.object(ca)),
  tsa: c.optional(c.object(tsa)),
  tuf: c.optional(c.object(tuf)),
  devOidc: c.optional(c.object(devOidc)),
};

export type ServeFile = ObjectOf<typeof WHOLE>;
export type LogFile = ServeFile['logs'][number];

/** All keys by section: for the test that the example names every one. */
export const SECTIONS: Readonly<Record<string, Shape>> = {
  '': WHOLE,
  database,
  metrics,
  logs: log,
  'logs.acceptedRoots': acceptedRoots,
  'logs.export': logExport,
  'logs.alsoSign': alsoSign,
  'logs.grpc': grpc,
  'logs.grpc.tls': grpcTls,
  'logs.witness': witness,
  mark,
  'mark.s3': s3,
  ca,
  'ca.ct': caCt,
  tsa,
  tuf,
  'tuf.keys': tufKeys,
  'tuf.alsoTrust': alsoTrust,
  'tuf.alsoTrust.certificateAuthorities': trustedChain,
  'tuf.alsoTrust.timestampAuthorities': trustedChain,
  'tuf.alsoTrust.rekorLogs': trustedLog,
  'tuf.alsoTrust.ctLogs': trustedCtLog,
  devOidc,
};
