import { load } from './load.ts';
import { Records } from './records.ts';
import type { BenchLog, Rig } from './rig.ts';

const FILL_BYTES = 64;
const FILL_IN_FLIGHT = 1024;
const IN_FLIGHT = 512;

/** CPU of an append in a tree of about this size, in microseconds; medians of the turns. */
export interface GrowthPoint {
  readonly size: number;
  /** Size after the last turn. */
  readonly grownTo: number;
  readonly dedup: boolean;
  readonly turns: readonly { nodeMicros: number; postgresMicros: number }[];
  readonly nodeMicros: number;
  readonly postgresMicros: number;
  readonly perSecond: number;
}

interface Place {
  size: number;
  dedup: boolean;
  log: BenchLog;
  turns: { nodeMicros: number; postgresMicros: number; perSecond: number }[];
}

/** Fills one log for each size, with and without look-ups, then measures them in turns. */
export async function growth(
  rig: Rig,
  options: { sizes: readonly number[]; rounds: number; roundEntries: number; bytes: number; dedupShare: boolean },
  say: (line: string) => void,
): Promise<GrowthPoint[]> {
  const places: Place[] = [];
  for (const size of options.sizes) {
    for (const dedup of options.dedupShare ? [true, false] : [true]) {
      const log = await rig.log(`size_${size}_${dedup ? 'dedup' : 'plain'}`, { dedup });
      await fill(rig, log, size);
      places.push({ size, dedup, log, turns: [] });
      say(`filled ${size}${dedup ? '' : ' without deduplication'}`);
    }
  }
  for (const { log } of places) await log.pool.query('vacuum analyze');
  await rig.checkpoint();
  const records = new Records(options.bytes);
  for (let round = 0; round < options.rounds; round++) {
    // To and fro: what gets faster or slower with time does so for all alike.
    const order = round % 2 === 0 ? places : places.toReversed();
    for (const place of order) await turn(rig, place, records, options.roundEntries);
    say(`turn ${round + 1} of ${options.rounds}`);
  }
  const points = places.map(pointOf);
  for (const { log } of places) await log.close();
  return points;
}

async function fill(rig: Rig, log: BenchLog, size: number): Promise<void> {
  const inFlight = Math.min(FILL_IN_FLIGHT, size);
  const records = new Records(FILL_BYTES);
  await load({ log, records, postmaster: rig.pid, name: 'fill', inFlight, appends: size });
}

async function turn(rig: Rig, place: Place, records: Records, appends: number): Promise<void> {
  const { log } = place;
  // What the others pushed out of the caches comes back first.
  await load({ log, records, postmaster: rig.pid, name: 'warm', inFlight: IN_FLIGHT, appends: IN_FLIGHT * 4 });
  const run = await load({ log, records, postmaster: rig.pid, name: 'turn', inFlight: IN_FLIGHT, appends });
  place.turns.push({
    nodeMicros: (run.cpu.node * 1e6) / run.appends,
    postgresMicros: (run.cpu.postgres * 1e6) / run.appends,
    perSecond: run.perSecond,
  });
}

function pointOf({ size, dedup, log, turns }: Place): GrowthPoint {
  return {
    size,
    dedup,
    grownTo: log.tree.published.head.size,
    turns,
    nodeMicros: median(turns.map((t) => t.nodeMicros)),
    postgresMicros: median(turns.map((t) => t.postgresMicros)),
    perSecond: median(turns.map((t) => t.perSecond)),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}
