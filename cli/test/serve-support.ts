import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { composeDevOidc, type DevOidc } from '@sigstead/dev-oidc';
import { generatePrivateKeyPem, newCaChain, newTsaChain, signerFromPem } from '@sigstead/keys';
import { Closables, createHttpServer, createMetrics, silentLogger, systemClock } from '@sigstead/platform';
import { freePort } from '@sigstead/test';
import { logCommand } from '../src/commands/log.ts';
import { migrateCommand } from '../src/commands/migrate.ts';
import { isAlive, LAUNCHER, run, type Spawned } from './running.ts';

/** A folder with keys, chains and a configuration, and an issuer that runs in this process. */
export interface Site {
  readonly folder: string;
  readonly configFile: string;
  readonly url: string;
  readonly metricsUrl: string;
  readonly oidc: DevOidc;
  /** Writes the configuration anew, with one text in place of another. */
  rewrite(from: string | RegExp, to: string): Promise<void>;
  close(): Promise<void>;
}

/** All services on one port of this machine, as an operator would set them up. */
export async function makeSite(connectionString: string): Promise<Site> {
  const open = new Closables();
  const folder = await mkdtemp(join(tmpdir(), 'sigstead-serve-'));
  open.defer(() => rm(folder, { recursive: true, force: true }));
  await writeKeys(folder);
  const oidc = await openIssuer(open);
  const [port, metricsPort] = [await freePort(), await freePort()];
  const url = `http://localhost:${port}`;
  const configFile = join(folder, 'sigstead.yaml');
  await writeFile(configFile, configText({ connectionString, port, metricsPort, issuer: oidc.issuerUrl('email') }));
  return {
    folder,
    configFile,
    url,
    metricsUrl: `http://localhost:${metricsPort}/metrics`,
    oidc,
    rewrite: async (from, to) => {
      const before = await readFile(configFile, 'utf8');
      await writeFile(configFile, before.replace(from, to));
    },
    close: () => open.close(),
  };
}

async function writeKeys(folder: string): Promise<void> {
  const names = { organization: 'Test', notBefore: new Date(Math.floor(Date.now() / 1000) * 1000) };
  const ca = await newCaChain({ ...names, commonName: 'test CA', rootYears: 2, intermediateYears: 2 });
  const tsa = await newTsaChain({ ...names, commonName: 'test TSA', rootYears: 2, intermediateYears: 2, leafYears: 1 });
  const p256 = (): string => generatePrivateKeyPem('ecdsa-p256-sha256');
  const files = {
    'ca.crt': ca.intermediate.certificatePem + ca.root.certificatePem,
    'ca-root.crt': ca.root.certificatePem,
    'ca.key': ca.intermediate.privateKeyPem,
    'tsa.crt': tsa.leaf.certificatePem + tsa.intermediate.certificatePem + tsa.root.certificatePem,
    'tsa.key': tsa.leaf.privateKeyPem,
    ...Object.fromEntries(['rekor', 'ct', 'root', 'targets', 'snapshot', 'timestamp'].map((n) => [`${n}.key`, p256()])),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
}

function configText(at: { connectionString: string; port: number; metricsPort: number; issuer: string }): string {
  const listen = `listen: localhost:${at.port}`;
  const url = `http://localhost:${at.port}`;
  return `version: 1
workers: 2
stateFolder: state
metrics: {listen: localhost:${at.metricsPort}}
database:
  url: ${at.connectionString}
  migrate: never
  # The tests' PostgreSQL does not flush.
  dangerouslyAllowUnsafeSettings: true
logs:
  - {name: rekor, kind: rekor-v2, ${listen}, publicUrl: ${url}, keyFile: rekor.key, export: {folder: tiles, intervalMs: 100}}
  - {name: ct, kind: ct, ${listen}, publicUrl: ${url}/ct/x, keyFile: ct.key, acceptedRootsFile: ca-root.crt}
ca:
  ${listen}
  publicUrl: ${url}
  chainFile: ca.crt
  keyFile: ca.key
  ct: {log: ct}
  issuers:
    oidc-issuers:
      ${at.issuer}: {type: email, client-id: sigstore}
tsa: {${listen}, publicUrl: ${url}, chainFile: tsa.crt, keyFile: tsa.key}
tuf:
  ${listen}
  publicUrl: ${url}/tuf
  operator: example.org
  internalUrls: allow
  oidcUrls: [${at.issuer}]
  keys: {root: root.key, targets: targets.key, snapshot: snapshot.key, timestamp: timestamp.key}
`;
}

async function openIssuer(open: Closables): Promise<DevOidc> {
  const server = createHttpServer({ logger: silentLogger, metrics: createMetrics() });
  open.defer(() => server.close({ deadlineMs: 500 }));
  let url = '';
  const oidc = open.use(
    await composeDevOidc({
      mode: 'dev',
      logger: silentLogger,
      clock: systemClock,
      random: randomBytes,
      publicUrl: () => url,
      signer: signerFromPem(generatePrivateKeyPem('rsa-pkcs1-sha256')),
    }),
  );
  await server.app.register(oidc.routes);
  url = `http://localhost:${(await server.listen({ port: 0 })).port}`;
  return oidc;
}

/** The same installation on another machine behind the same public URLs: other ports, nothing else. */
export async function besideSite(site: Site): Promise<Site & { listenUrl: string }> {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const text = await readFile(site.configFile, 'utf8');
  const configFile = join(site.folder, `beside-${port}.yaml`);
  const moved = text
    .replaceAll(/^metrics: .*$/gm, `metrics: {listen: localhost:${metricsPort}}`)
    .replaceAll(`listen: localhost:${new URL(site.url).port}`, `listen: localhost:${port}`);
  await writeFile(configFile, moved);
  return { ...site, configFile, listenUrl: `http://localhost:${port}` };
}

/** Migrates the database and creates both logs, as an operator would. */
export async function install({ configFile }: Pick<Site, 'configFile'>): Promise<void> {
  const io = { env: {}, version: '0', write: () => undefined, writeError: () => undefined };
  await migrateCommand(configFile, io);
  for (const name of ['rekor', 'ct']) await logCommand({ action: 'create', config: configFile, name }, io);
}

/** Runs one command to its end. */
export async function command(...args: string[]): Promise<{ code: number | null; output: string }> {
  return run(LAUNCHER, args).ended;
}

/** Starts `serve` and resolves when its ready file is there; rejects with its output when it ends before. */
export async function serve(site: Pick<Site, 'configFile'>, ...args: string[]): Promise<Spawned> {
  const readyFile = `${site.configFile}.ready.json`;
  await rm(readyFile, { force: true });
  const spawned = run(LAUNCHER, ['serve', '--config', site.configFile, '--ready-file', readyFile, ...args]);
  let over = false;
  void spawned.ended.finally(() => {
    over = true;
  });
  for (;;) {
    if ((await readFile(readyFile, 'utf8').catch(() => undefined)) !== undefined) return spawned;
    if (over) throw new Error(`ended before it was ready:\n${spawned.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Ends it as a supervisor does; nothing of it may stay. */
export async function stopped(spawned: Spawned): Promise<void> {
  const pids = workerPids(spawned);
  spawned.child.kill('SIGTERM');
  const { code, signal } = await spawned.ended;
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, spawned.output());
  for (const pid of pids.values()) assert.equal(isAlive(pid), false, `worker ${pid} was left behind`);
}

/** What `serve` has started in one test file; what a failed test leaves behind is ended by close(). */
export class Children {
  readonly #all: Spawned[] = [];

  async serve(site: Site, ...args: string[]): Promise<Spawned> {
    const spawned = await serve(site, ...args);
    this.#all.push(spawned);
    return spawned;
  }

  async close(): Promise<void> {
    for (const { child } of this.#all) if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    for (const { ended } of this.#all) await ended;
  }
}

/** Processes that the first one has started, as its log tells: pid by slot. */
export function workerPids(spawned: Spawned): Map<number, number> {
  const pids = new Map<number, number>();
  for (const line of spawned.output().split('\n')) {
    if (!line.startsWith('{')) continue;
    const record = JSON.parse(line) as { msg: string; slot?: number; pid?: number };
    if (record.msg === 'a worker serves' && record.slot !== undefined && record.pid !== undefined) {
      pids.set(record.slot, record.pid);
    }
  }
  return pids;
}
