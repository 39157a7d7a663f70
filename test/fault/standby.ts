import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClusterServer, listOf, TestCluster } from '../support/cluster.ts';
import { Fleet } from './fleet.ts';
import { inspect, type Verdict } from './inspect.ts';
import { seededRandom } from './random.ts';
import { type Address, type Ground, openServers, ORIGIN, type Rig, WRITERS } from './rig.ts';

export interface StandbyOptions {
  readonly seed: number;
  /** How long the standby is away. */
  readonly awayMs: number;
}

export interface StandbyResult {
  /** Submitted and acknowledged while the standby was away: none may be. */
  readonly acknowledgedWithout: number;
  /** From the standby's return to each writer's first answer to something submitted after that, ms. */
  readonly backMs: readonly number[];
  /** From the primary's end to each writer's first answer to something submitted after the promotion, ms. */
  readonly failoverMs: readonly number[];
  readonly verdict: Verdict;
}

const MAX_QUIET_MS = 3000;

/** A primary and the standby whose word its commits wait for. */
class Pair implements Address {
  readonly primary: ClusterServer;
  readonly standby: ClusterServer;

  constructor(primary: ClusterServer, standby: ClusterServer) {
    this.primary = primary;
    this.standby = standby;
  }

  get connectionString(): string {
    return listOf([this.primary, this.standby]);
  }

  static async open(closers: Ground['closers']): Promise<Pair> {
    const cluster = await TestCluster.open();
    closers.push(() => cluster.close());
    const primary = await cluster.primary();
    const standby = await cluster.standbyOf(primary);
    // After the copy: once promoted, the standby waits for nobody.
    await primary.configure({ synchronous_standby_names: 'standby' });
    return new Pair(primary, standby);
  }
}

/** Four writers that know both servers. The standby goes away and comes back; then the primary dies and it is promoted. */
export async function runStandby({ seed, awayMs }: StandbyOptions): Promise<StandbyResult> {
  const rig = await openServers({
    seed,
    origin: ORIGIN,
    openDatabase: (_folder, closers) => Pair.open(closers),
    start: async ({ folder, database, keyPem, closers }) => {
      const shared = { origin: ORIGIN, keyPem, markFile: join(folder, 'mark', 'fault') };
      const fleet = await Fleet.start(
        WRITERS,
        () => ({ ...shared, connectionString: database.connectionString }),
        folder,
      );
      closers.push(() => fleet.close());
      return { fleet, ways: [] };
    },
  });
  const random = seededRandom(seed);
  try {
    await delay(random.below(MAX_QUIET_MS));
    const { acknowledgedWithout, backMs } = await without(rig, awayMs);
    await delay(random.below(MAX_QUIET_MS));
    const endedMs = performance.now();
    await rig.database.primary.end('immediate');
    await rig.database.standby.promote();
    const answeredMs = await rig.recovered(rig.fleet.slots, performance.now());
    const failoverMs = answeredMs.map((ms) => ms - endedMs);
    return { acknowledgedWithout, backMs, failoverMs, verdict: await inspect(rig) };
  } finally {
    await rig.close();
  }
}

async function without(
  rig: Rig<Fleet, Pair>,
  awayMs: number,
): Promise<Pick<StandbyResult, 'acknowledgedWithout' | 'backMs'>> {
  const { database, fleet, load } = rig;
  await database.standby.end('immediate');
  const endedMs = performance.now();
  await delay(awayMs);
  const untilMs = performance.now();
  await database.standby.startAgain();
  const startedMs = performance.now();
  const answeredMs = await rig.recovered(fleet.slots, startedMs);
  await database.primary.until(`select 1 from pg_stat_replication where sync_state = 'sync'`);
  const acknowledged = load.appends.filter(
    ({ outcome, ...times }) => outcome.kind === 'ok' && times.invokedMs > endedMs && times.endedMs < untilMs,
  );
  return { acknowledgedWithout: acknowledged.length, backMs: answeredMs.map((ms) => ms - startedMs) };
}
