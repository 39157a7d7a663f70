import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import type { QueueLimits } from '@sigstead/log';
import { RekorReader } from '../e2e/support/rekor-reader.ts';
import { Database } from './database.ts';
import { Fleet } from './fleet.ts';
import { Load, type Pace } from './load.ts';
import { seededRandom } from './random.ts';
import type { Servers } from './servers.ts';
import { openWay, type Way } from './way.ts';

export const WRITERS = 4;
export const ORIGIN = 'log.fault.test';
/** Later than this a writer has not recovered. */
const RECOVERY_TIMEOUT_MS = 60_000;

/** Servers of one log over one PostgreSQL, with one high-water mark, and callers that record what they are told. */
export interface Rig<F extends Servers = Fleet, D extends Address = Database> {
  readonly database: D;
  readonly keyPem: string;
  readonly origin: string;
  readonly fleet: F;
  readonly load: Load;
  /** Each writer's own way to the database. */
  readonly ways: readonly Way[];
  /** Resolves, with the time, when every slot has answered something submitted after `afterMs`. */
  recovered(slots: readonly number[], afterMs: number): Promise<number[]>;
  readonly readerAt: (url: string) => RekorReader;
  close(): Promise<void>;
}

/** Where the database is found. */
export interface Address {
  readonly connectionString: string;
}

/** What servers are started on. */
export interface Ground<D extends Address = Database> {
  readonly folder: string;
  readonly database: D;
  readonly keyPem: string;
  /** Run in reverse order when the rig is closed, or could not be opened. */
  readonly closers: (() => Promise<unknown>)[];
}

export interface RigOptions {
  readonly pace?: Pace;
  /** Limits of each writer's queue. */
  readonly queue?: QueueLimits;
}

/** Four writer processes. The load runs when it resolves, and every writer has answered. */
export async function openRig(seed: number, { pace, queue }: RigOptions = {}): Promise<Rig> {
  return openServers({
    seed,
    origin: ORIGIN,
    openDatabase,
    ...(pace === undefined ? {} : { pace }),
    start: async ({ folder, database, keyPem, closers }) => {
      const ways: Way[] = [];
      closers.push(() => Promise.all(ways.map((way) => way.close())));
      for (let i = 0; i < WRITERS; i++) ways.push(await openWay(() => database.connectionString));
      const shared = { origin: ORIGIN, keyPem, markFile: join(folder, 'mark', 'fault') };
      const fleet = await Fleet.start(
        WRITERS,
        (slot) => ({
          ...shared,
          connectionString: ways[slot]?.connectionString ?? '',
          ...(queue === undefined ? {} : { queue }),
        }),
        folder,
      );
      closers.push(() => fleet.close());
      return { fleet, ways };
    },
  });
}

export async function openDatabase(folder: string, closers: Ground['closers']): Promise<Database> {
  const database = await Database.open(folder);
  closers.push(() => database.stop());
  return database;
}

/** Any servers on any database, in a fresh folder. */
export async function openServers<F extends Servers, D extends Address>(options: {
  seed: number;
  origin: string;
  pace?: Pace;
  openDatabase: (folder: string, closers: Ground['closers']) => Promise<D>;
  start: (ground: Ground<D>) => Promise<{ fleet: F; ways: readonly Way[] }>;
}): Promise<Rig<F, D>> {
  const folder = await mkdtemp(join(tmpdir(), 'sigstead-fault-'));
  // As root PostgreSQL runs under another account, which must be able to pass through.
  await chmod(folder, 0o711);
  const closers: (() => Promise<unknown>)[] = [
    () => rm(folder, { recursive: true, force: true, maxRetries: 40, retryDelay: 100 }),
  ];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const keyPem = generatePrivateKeyPem('ecdsa-p256-sha256');
    const database = await options.openDatabase(folder, closers);
    const { fleet, ways } = await options.start({ folder, database, keyPem, closers });
    const readerAt = readerOf(options.origin, signerFromPem(keyPem).spki);
    const load = loadOn(fleet, readerAt, options);
    closers.push(() => load.stop());
    const recovered = (slots: readonly number[], afterMs: number): Promise<number[]> =>
      Promise.all(slots.map((slot) => load.answered(slot, afterMs, RECOVERY_TIMEOUT_MS)));
    load.start();
    await recovered(fleet.slots, 0);
    return { database, keyPem, origin: options.origin, fleet, load, ways, recovered, readerAt, close };
  } catch (error) {
    await close();
    throw error;
  }
}

type ReaderAt = (url: string) => RekorReader;

function loadOn(fleet: Servers, readerAt: ReaderAt, { seed, pace }: { seed: number; pace?: Pace }): Load {
  const reader = readerAt('');
  return new Load({
    fleet,
    random: seededRandom(seed),
    checkAnswer: (entry) => reader.checkAnswer(entry),
    openHead: (envelope) => reader.open(envelope),
    ...(pace === undefined ? {} : { pace }),
  });
}

function readerOf(origin: string, spki: Uint8Array): ReaderAt {
  const log = {
    kind: 'rekor-v2' as const,
    baseUrl: `https://${origin}`,
    spki,
    keyDetails: 'PKIX_ECDSA_P256_SHA_256',
    validFor: { startMs: 0 },
  };
  const trust = { tlogs: [log], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };
  return (url) => new RekorReader(url, trust);
}
