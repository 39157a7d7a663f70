import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { inspect, type Verdict } from './inspect.ts';
import type { Pace } from './load.ts';
import { type Minute, minutesOf, type TableSize, tableSizes } from './minutes.ts';
import type { Rig } from './rig.ts';

export interface EnduranceOptions {
  readonly minutes: number;
  /** 60,000; less where the test is short. */
  readonly minuteMs: number;
}

export interface SnapshotResult {
  readonly minutes: readonly Minute[];
  readonly verdict: Verdict;
}

export interface SoakResult {
  /** Answers a second of as many callers as the writers can use, before. */
  readonly peakPerSecond: number;
  readonly minutes: readonly Minute[];
  readonly tables: readonly TableSize[];
  readonly verdict: Verdict;
}

/** Callers whose own work leaves the machine to the servers. */
export const LIGHT: Pace = { callersPerSlot: 8, verifyOneIn: 20 };
const PEAK_MS = 20_000;

/** One session keeps a snapshot of the log as it is now, under full load. Stops the load. */
export async function snapshotOn(rig: Rig, options: EnduranceOptions): Promise<SnapshotResult> {
  return withClients(rig, async (client, holder) => {
    await holder.query('begin isolation level repeatable read');
    const seen = await sizeSeen(holder);
    const minutes = await minutesOf(rig, client, options);
    const kept = await sizeSeen(holder);
    await holder.query('commit');
    const grown = await sizeSeen(holder);
    if (kept !== seen || grown <= seen) throw new Error(`no snapshot was held: ${seen}, ${kept}, then ${grown}`);
    return { minutes, verdict: await inspect(rig) };
  });
}

/** Half of what the writers can do, for long. Stops the load. */
export async function soakOn(rig: Rig, options: EnduranceOptions): Promise<SoakResult> {
  return withClients(rig, async (client) => {
    const peakPerSecond = await peakOf(rig, Math.min(PEAK_MS, options.minuteMs));
    rig.load.start({ ...LIGHT, perSecond: peakPerSecond / 2 });
    const minutes = await minutesOf(rig, client, options);
    const verdict = await inspect(rig);
    return { peakPerSecond, minutes, tables: await tableSizes(client), verdict };
  });
}

async function peakOf({ load }: Rig, forMs: number): Promise<number> {
  const before = load.acknowledged;
  const startMs = performance.now();
  await delay(forMs);
  const perSecond = ((load.acknowledged - before) * 1000) / (performance.now() - startMs);
  await load.stop();
  return perSecond;
}

async function sizeSeen(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ size: string }>('select max(size) as size from log.heads');
  return Number(rows[0]?.size);
}

async function withClients<T>(rig: Rig, work: (a: pg.Client, b: pg.Client) => Promise<T>): Promise<T> {
  const { connectionString } = rig.database;
  const clients = [new pg.Client({ connectionString }), new pg.Client({ connectionString })] as const;
  try {
    for (const client of clients) await client.connect();
    return await work(...clients);
  } finally {
    for (const client of clients) await client.end();
  }
}
