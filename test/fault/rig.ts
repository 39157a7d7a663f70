import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { RekorReader } from '../e2e/support/rekor-reader.ts';
import { Database } from './database.ts';
import { Fleet } from './fleet.ts';
import { Load } from './load.ts';
import { seededRandom } from './random.ts';
import { openWay, type Way } from './way.ts';

export const WRITERS = 4;
const ORIGIN = 'log.fault.test';
/** Later than this a writer has not recovered. */
const RECOVERY_TIMEOUT_MS = 60_000;

/** Four writers of one log over one PostgreSQL, with one high-water mark, and callers that record what they are told. */
export interface Rig {
  readonly database: Database;
  readonly keyPem: string;
  readonly origin: string;
  readonly fleet: Fleet;
  readonly load: Load;
  /** Each writer's own way to the database. */
  readonly ways: readonly Way[];
  /** Resolves, with the time, when every slot has answered something submitted after `afterMs`. */
  recovered(slots: readonly number[], afterMs: number): Promise<number[]>;
  readonly readerAt: (url: string) => RekorReader;
  close(): Promise<void>;
}

/** The load runs when it resolves, and every writer has answered. */
export async function openRig(seed: number): Promise<Rig> {
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
    return { ...(await assemble(seed, folder, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function assemble(
  seed: number,
  folder: string,
  closers: (() => Promise<unknown>)[],
): Promise<Omit<Rig, 'close'>> {
  const keyPem = generatePrivateKeyPem('ecdsa-p256-sha256');
  const { spki } = signerFromPem(keyPem);
  const database = await Database.open(folder);
  closers.push(() => database.stop());
  const ways: Way[] = [];
  closers.push(() => Promise.all(ways.map((way) => way.close())));
  for (let i = 0; i < WRITERS; i++) ways.push(await openWay(() => database.connectionString));
  const shared = { origin: ORIGIN, keyPem, markFile: join(folder, 'mark', 'fault') };
  const fleet = await Fleet.start(
    WRITERS,
    (slot) => ({ ...shared, connectionString: ways[slot]?.connectionString ?? '' }),
    folder,
  );
  closers.push(() => fleet.close());
  const readerAt = (url: string): RekorReader => new RekorReader(url, trustIn(spki));
  const reader = readerAt('');
  const load = new Load({
    fleet,
    random: seededRandom(seed),
    checkAnswer: (entry) => reader.checkAnswer(entry),
    openHead: (envelope) => reader.open(envelope),
  });
  closers.push(() => load.stop());
  const recovered = (slots: readonly number[], afterMs: number): Promise<number[]> =>
    Promise.all(slots.map((slot) => load.answered(slot, afterMs, RECOVERY_TIMEOUT_MS)));
  load.start();
  await recovered(fleet.slots, 0);
  return { database, keyPem, origin: ORIGIN, fleet, load, ways, recovered, readerAt };
}

function trustIn(spki: Uint8Array): ConstructorParameters<typeof RekorReader>[1] {
  const log = {
    kind: 'rekor-v2' as const,
    baseUrl: `https://${ORIGIN}`,
    spki,
    keyDetails: 'PKIX_ECDSA_P256_SHA_256',
    validFor: { startMs: 0 },
  };
  return { tlogs: [log], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };
}
