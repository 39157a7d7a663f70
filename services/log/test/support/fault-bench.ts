import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { signerFromPem } from '@sigstead/keys';
import { createMetrics, silentLogger } from '@sigstead/platform';
import { startTestPostgres, SHARED_POSTGRES, type TestPostgres } from '@sigstead/test';
import pg from 'pg';
import { fsckDatabase, fsckPublished } from '../../src/index.ts';
import { rekorV2Personality } from '../../src/core/rekor-v2/personality.ts';
import type { MarkStore, Personality, Submission } from '../../src/core/ports.ts';
import { directoryStore, prepareDirectory } from '../../src/export/directory-store.ts';
import { Exporter } from '../../src/export/exporter.ts';
import { systemFiles } from '../../src/export/files.ts';
import { exportMetrics } from '../../src/export/metrics.ts';
import { type ObjectStore, ObjectStoreError } from '../../src/export/object-store.ts';
import { exportSource } from '../../src/open-export.ts';
import { fileMark } from '../../src/mark/file-mark.ts';
import { type CuttingProxy, cuttingProxy } from './cutting-proxy.ts';
import { aloneLease } from './export-double.ts';
import { type FaultyStore, faultyStore } from './faulty-store.ts';
import { fakeClock, hasher, TEST_KEY_PEM, testLogs, type TestLogs } from './test-log.ts';

type Opened = Awaited<ReturnType<TestLogs['open']>>;

/** The limits of the writer under test: like those in production, only shorter. ms */
const LIMITS = { idleInTransactionMs: 2000, lockMs: 400, statementMs: 4000, replyMs: 1500, connectMs: 5000 };
/** So that the writer, not the other session, is the victim of a deadlock. */
const DEADLOCK_MS = 50;

/** Fails once, before or after the operation that it is asked to do. */
export interface Switch {
  fail: 'before' | 'after' | undefined;
  struck: number;
}

/** One writer that can be hurt everywhere, another that looks on, and the server they write to. */
export interface FaultBench {
  log: Opened;
  other: Opened;
  store: FaultyStore;
  proxy: CuttingProxy;
  mark: Switch;
  exportCreate: Switch;
  exportReplace: Switch;
  /** As superuser, over a session that no fault strikes. */
  admin: pg.Client;
  /** A session that gets into the writer's way. */
  rival: pg.Client;
  /** Full check of the database; resolves with the size. */
  fsck(): Promise<number>;
  /** Waits until the folder shows that size, then checks it. */
  fsckFolder(size: number): Promise<void>;
  close(): Promise<void>;
}

/** Each text is an entry of its own. */
export function entry(value: string): Submission {
  const leaf = Buffer.from(value);
  return { identity: hasher.leaf(leaf), weight: leaf.length, leaf: () => ({ leaf, extra: new Uint8Array(0) }) };
}

export async function openFaultBench(): Promise<FaultBench> {
  // A server of its own: settings of the whole server are part of the faults.
  const server = await startTestPostgres();
  process.env[SHARED_POSTGRES] = server.connectionString;
  const folder = await mkdtemp(path.join(tmpdir(), 'sigstead-faults-'));
  const logs = await testLogs();
  const admin = await connect(logs);
  await admin.query(`alter database ${new URL(logs.database.connectionString).pathname.slice(1)}
    set deadlock_timeout = '${DEADLOCK_MS}ms'`);
  const rival = await connect(logs);
  await rival.query(`set deadlock_timeout = '60s'`);
  const parts = await openWriters(logs, folder);
  const exporter = openExporter(parts.log, parts, path.join(folder, 'exported'));
  return {
    ...parts,
    admin,
    rival,
    fsck: () => fsckBoth(logs.database.connectionString),
    fsckFolder: (size) => fsckFolder(path.join(folder, 'exported'), size),
    close: () => closeAll({ server, logs, folder, exporter, proxy: parts.proxy, clients: [admin, rival] }),
  };
}

type Writers = Pick<FaultBench, 'log' | 'other' | 'store' | 'proxy' | 'mark' | 'exportCreate' | 'exportReplace'>;

async function openWriters(logs: TestLogs, folder: string): Promise<Writers> {
  const personality: Personality = rekorV2Personality({ origin: 'log.test', signer: signerFromPem(TEST_KEY_PEM) });
  const proxy = await cuttingProxy(logs.database.connectionString);
  const file = fileMark({ file: path.join(folder, 'mark'), key: 'ab'.repeat(32) });
  const mark = newSwitch();
  let store: FaultyStore | undefined;
  const log = await logs.open({
    personality,
    connectionString: proxy.connectionString,
    sessionLimits: LIMITS,
    mark: faultyMark(file, mark),
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, 20))),
    wrap: (inner) => (store = faultyStore(inner)).store,
  });
  const other = await logs.open({ personality, mark: file });
  if (store === undefined) throw new Error('the store was not wrapped');
  return { log, other, store, proxy, mark, exportCreate: newSwitch(), exportReplace: newSwitch() };
}

function newSwitch(): Switch {
  return { fail: undefined, struck: 0 };
}

async function through<T>(fault: Switch, run: () => Promise<T>, error: () => Error): Promise<T> {
  const { fail } = fault;
  fault.fail = undefined;
  if (fail !== undefined) fault.struck += 1;
  if (fail === 'before') throw error();
  const result = await run();
  if (fail === 'after') throw error();
  return result;
}

function faultyMark(inner: MarkStore, fault: Switch): MarkStore {
  return {
    read: () => inner.read(),
    advance: (mark, contains) =>
      through(
        fault,
        () => inner.advance(mark, contains),
        () => Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' }),
      ),
  };
}

function openExporter(log: Opened, faults: Pick<Writers, 'exportCreate' | 'exportReplace'>, folder: string): Exporter {
  const personality = rekorV2Personality({ origin: 'log.test', signer: signerFromPem(TEST_KEY_PEM) });
  const clock = fakeClock();
  const exporter = new Exporter({
    source: exportSource(log, personality),
    openTarget: async () => {
      await prepareDirectory({ folder, files: systemFiles, nowMs: clock.nowMs() });
      // One process exports here: nobody to be kept out.
      return faultyTarget(directoryStore({ folder, files: systemFiles, lock: (task) => task() }), faults);
    },
    lease: aloneLease,
    onAlarm: (alarm) => {
      throw alarm;
    },
    logger: silentLogger,
    metrics: exportMetrics(createMetrics(), 'test'),
    clock,
    wait: (ms, signal) => waitFor(Math.min(ms, 20), signal),
  });
  exporter.start();
  return exporter;
}

function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function faultyTarget(inner: ObjectStore, faults: Pick<Writers, 'exportCreate' | 'exportReplace'>): ObjectStore {
  const error = (): Error => new ObjectStoreError('unavailable', 'injected');
  return {
    ...inner,
    get: (name, maxBytes) => inner.get(name, maxBytes),
    close: () => inner.close(),
    createOnly: (name, object) => through(faults.exportCreate, () => inner.createOnly(name, object), error),
    replaceIf: (name, object, tag) => {
      const replace = (): ReturnType<ObjectStore['replaceIf']> => inner.replaceIf(name, object, tag);
      return name === 'checkpoint' ? through(faults.exportReplace, replace, error) : replace();
    },
  };
}

async function connect(logs: TestLogs): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: logs.database.connectionString, application_name: 'bench' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function fsckBoth(connectionString: string): Promise<number> {
  const [report] = await fsckDatabase({ connectionString, logger: silentLogger });
  if (report === undefined || !report.complete || report.problems.length > 0) {
    throw new Error(`fsck: ${JSON.stringify(report)}`);
  }
  return report.size;
}

async function fsckFolder(folder: string, size: number): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  for (;;) {
    const report = await fsckPublished({ from: { folder }, key: KEY }).catch(() => undefined);
    if (report?.size === size && report.outcome === 'ok') return;
    if (performance.now() > deadlineMs) throw new Error(`the folder does not show ${size}: ${JSON.stringify(report)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const KEY = signerFromPem(TEST_KEY_PEM).publicKey.export({ type: 'spki', format: 'pem' }).toString();

async function closeAll(open: {
  server: TestPostgres;
  logs: TestLogs;
  folder: string;
  exporter: Exporter;
  proxy: CuttingProxy;
  clients: pg.Client[];
}): Promise<void> {
  await open.exporter.close();
  for (const client of open.clients) await client.end().catch(() => undefined);
  await open.logs.drop();
  await open.proxy.close();
  await open.server.stop();
  await rm(open.folder, { recursive: true, force: true });
}
