import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, sign, verify } from 'node:crypto';
import { createTreeHasher } from '@sigstead/merkle';
import { type Clock, migrate, type Pool, silentLogger } from '@sigstead/platform';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import type { HeadClaim, LogStore, MarkStore, Personality, Submission } from '../../src/core/ports.ts';
import type { EngineLimits } from '../../src/engine/bounded.ts';
import type { QueueLimits } from '../../src/engine/queue.ts';
import type { EngineMetrics } from '../../src/engine/sequencer.ts';
import { type OpenLog, openLog, type OpenLogOptions } from '../../src/open-log.ts';
import { createLog } from '../../src/store/logs.ts';
import { MIGRATIONS, SCHEMA } from '../../src/store/migrations.ts';
import { postgresStore } from '../../src/store/postgres-store.ts';
import type { SessionLimits } from '../../src/store/session.ts';

export const sha256 = (data: Uint8Array): Uint8Array => hash('sha256', data, 'buffer');
export const hasher = createTreeHasher(sha256);

const KEYS = generateKeyPairSync('ed25519');
export const TEST_SPKI: Uint8Array = KEYS.publicKey.export({ type: 'spki', format: 'der' });
/** For other processes of the same log. */
export const TEST_KEY_PEM: string = KEYS.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** A log of plain texts whose notes are signed JSON: nothing of a real personality's rules. */
export function textPersonality(
  options: { strictTime?: boolean; findsByLeafHash?: boolean; privateKeyPem?: string } = {},
): Personality {
  const privateKey = createPrivateKey(options.privateKeyPem ?? TEST_KEY_PEM);
  const publicKey = createPublicKey(privateKey);
  return {
    kind: 'rekor-v2',
    strictTime: options.strictTime ?? false,
    findsByLeafHash: options.findsByLeafHash ?? true,
    signHead(claim) {
      const body = Buffer.from(
        JSON.stringify({ ...claim, root: Buffer.from(claim.root).toString('hex') }, ['size', 'root', 'timestampMs']),
      );
      return Promise.resolve(Buffer.concat([sign(null, body, privateKey), body]));
    },
    openHead(note) {
      if (!verify(null, note.subarray(64), publicKey, note.subarray(0, 64))) throw new Error('bad signature');
      const body = JSON.parse(Buffer.from(note.subarray(64)).toString()) as HeadClaim & { root: unknown };
      return { ...body, root: Buffer.from(String(body.root), 'hex') };
    },
  };
}

/** The text's hash is its identity; the leaf is the text. */
export function text(value: string): Submission {
  const leaf = Buffer.from(value);
  return { identity: sha256(leaf), weight: leaf.length, leaf: () => ({ leaf, extra: new Uint8Array(0) }) };
}

/** A text that cannot become a leaf. */
export function poison(value: string): Submission {
  return {
    ...text(value),
    leaf() {
      throw new Error(`poison ${value}`);
    },
  };
}

export function fakeClock(nowMs = 1_800_000_000_000): Clock & { set(ms: number): void } {
  let now = nowMs;
  return {
    nowMs: () => now,
    set(ms) {
      now = ms;
    },
  };
}

export interface SeenMetrics extends EngineMetrics {
  batches: { entries: number }[];
  failures: string[];
  proofFailures: number;
}

export function seenMetrics(): SeenMetrics {
  const seen: SeenMetrics = {
    batches: [],
    failures: [],
    proofFailures: 0,
    committed: (batch) => seen.batches.push(batch),
    queueDepth: () => undefined,
    proofFailed: () => {
      seen.proofFailures += 1;
    },
    failed: (reason) => seen.failures.push(reason),
  };
  return seen;
}

export interface TestLogs {
  database: TestDatabase;
  pool: Pool;
  /** Creates the log once and opens it; every call is another process's view of the same log. */
  open(options?: OpenOptions): Promise<OpenLog & { metrics: SeenMetrics }>;
  /** A store on the log without an engine. */
  store(): Promise<LogStore>;
  drop(): Promise<void>;
}

export interface OpenOptions {
  personality?: Personality;
  wrap?: (store: LogStore) => LogStore;
  /** Another way to the same database. */
  connectionString?: string;
  mark?: MarkStore;
  newMark?: { atLeast: number };
  watchMs?: number;
  clock?: Clock;
  limits?: QueueLimits;
  sessionLimits?: SessionLimits;
  engineLimits?: Partial<EngineLimits>;
  pause?: (ms: number) => Promise<void>;
  publication?: OpenLogOptions['publication'];
  reads?: OpenLogOptions['reads'];
  cacheBytes?: number;
}

/** A fresh database with the schema of this service. */
export async function testLogs(): Promise<TestLogs> {
  const database = await testDatabase();
  const pool = database.pool({ max: 4 });
  await migrate({ pool, schema: SCHEMA, migrations: MIGRATIONS });
  const opened: { close(): Promise<void> }[] = [];
  const makeStore = async (personality: Personality, open: OpenOptions = {}): Promise<LogStore> => {
    const limits = open.sessionLimits;
    const log = { name: 'test', origin: 'log.test', kind: personality.kind, keySpki: TEST_SPKI };
    const claim = { size: 0, root: hasher.empty(), timestampMs: 1 };
    // Who cannot sign opens a log that others have made.
    const note = await personality.signHead(claim).catch(() => textPersonality().signHead(claim));
    const logId = await createLog(pool, log, { ...claim, note });
    const options = { connectionString: open.connectionString ?? database.connectionString, pool, logId };
    return postgresStore(limits === undefined ? options : { ...options, limits });
  };
  return {
    database,
    pool,
    async open(options = {}) {
      const personality = options.personality ?? textPersonality();
      const store = await makeStore(personality, options);
      const metrics = seenMetrics();
      const log = await openLog({
        name: 'test',
        hasher,
        store: options.wrap?.(store) ?? store,
        personality,
        clock: options.clock ?? fakeClock(),
        logger: silentLogger,
        metrics,
        pause: options.pause ?? (() => Promise.resolve()),
        ...(options.mark === undefined ? {} : { mark: options.mark }),
        ...(options.newMark === undefined ? {} : { newMark: options.newMark }),
        ...(options.watchMs === undefined ? {} : { watchMs: options.watchMs }),
        ...(options.limits === undefined ? {} : { limits: options.limits }),
        ...(options.publication === undefined ? {} : { publication: options.publication }),
        ...(options.reads === undefined ? {} : { reads: options.reads }),
        ...(options.cacheBytes === undefined ? {} : { cacheBytes: options.cacheBytes }),
        ...(options.engineLimits === undefined ? {} : { engineLimits: options.engineLimits }),
      });
      opened.push(log);
      return { ...log, metrics };
    },
    async store() {
      const store = await makeStore(textPersonality());
      opened.push(store);
      return store;
    },
    async drop() {
      // A test that failed half-way may have left a batch waiting for ever: the end of the database ends it too.
      const closed = Promise.all(opened.map((log) => log.close()));
      await Promise.race([closed, patience(2000)]);
      await database.drop();
    },
  };
}

function patience(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
