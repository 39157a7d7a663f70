import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Databases } from './life-database.ts';
import { append, copyFolder, type Head, LOG, ServeSite, until } from './life-site.ts';

/** How soon after the wrong data is there it must have been found out. */
export const DETECT_MS = 5000;
/** Below it a test would measure the machine: what takes longer than DETECT_MS is reported, not only refused. */
const WAIT_MS = 30_000;

export interface LifeWorld {
  readonly databases: Databases;
  readonly keyPem: string;
  /** A database with a log of one entry, and the folder of its mark. */
  readonly template: { database: string; state: string };
  /** Of this round alone. */
  readonly folder: string;
  /** Number of the round, from 1: sizes vary with it. */
  readonly round: number;
}

/** ms from the moment the wrong data was there to the halt of the process. */
export interface Detected {
  whileRunning: number;
}

/** The database is set back to an older copy of itself, under a running server and before its start. */
export function restoredOlder(world: LifeWorld): Promise<Detected> {
  return replaced(world, { load: false, grow: 0 });
}

/** The same, and the copy has since grown on another root to at least the size of what was lost. */
export function restoredAndGrown(world: LifeWorld): Promise<Detected> {
  return replaced(world, { load: false, grow: world.round + 1 });
}

/** A standby without the last entries takes over while the log is written to. */
export function failedOver(world: LifeWorld): Promise<Detected> {
  return replaced(world, { load: true, grow: 0 });
}

async function replaced(world: LifeWorld, how: { load: boolean; grow: number }): Promise<Detected> {
  const { databases, keyPem, round, folder } = world;
  const { live, state } = await ownCopy(world);
  const site = await ServeSite.make(join(folder, 'site'), { keyPem, state, database: databases.url(live) });
  try {
    await site.start();
    await site.posts(1 + (round % 5));
    const other = await databases.copy(live);
    await until('serve is ready again', WAIT_MS, async () => (await site.unready()) === undefined);
    const shown = await site.posts(1 + (round % 3));
    if (how.grow > 0) await append({ database: databases.url(other), keyPem, count: how.grow + (round % 3) });
    const load = how.load ? startLoad(site) : undefined;
    if (load !== undefined) await until('the load is answered', WAIT_MS, async () => load.heads.length > round);
    await databases.swap(live, other);
    const sinceMs = performance.now();
    // What is there now, before anything could be signed over it.
    const before = await notesOf(databases, live);
    const whileRunning = await haltedAfter(site, sinceMs);
    await load?.stop();
    shown.push(...(load?.heads ?? []));
    await assertHalted(site, shown.at(-1));
    assert.deepEqual(await notesOf(databases, live), before, 'something was signed over the wrong database');
    await assertContained(databases, other, shown);

    await site.stop();
    await site.start();
    assert.notEqual(await site.unready(), undefined, 'ready at its start, on the wrong database');
    await assertHalted(site, undefined);
    assert.deepEqual(await notesOf(databases, live), before, 'something was signed at the start');

    await site.stop();
    await databases.swap(live, other);
    await site.start();
    assert.equal(await site.unready(), undefined, 'not ready on the right database');
    const [next] = await site.posts(1);
    assert.ok((next?.size ?? 0) > Math.max(...shown.map(({ size }) => size)), 'the log did not go on where it was');
    return { whileRunning };
  } finally {
    await site.stop();
  }
}

/** A copy of the database is served too, with the same key and the same mark. */
export async function twoPrimaries(world: LifeWorld): Promise<Detected> {
  const { databases, keyPem, round, folder } = world;
  const { live, state } = await ownCopy(world);
  const twin = await databases.copy(live);
  const sites = await Promise.all(
    [live, twin].map((name, i) =>
      ServeSite.make(join(folder, `site-${i}`), { keyPem, state, database: databases.url(name) }),
    ),
  );
  const [first, second] = sites;
  assert.ok(first !== undefined && second !== undefined);
  try {
    await Promise.all(sites.map((site) => site.start()));
    const sinceMs = performance.now();
    // Every other round only one is written to, and the other one has to find out by itself.
    const both = round % 2 === 0;
    const answers = await Promise.all((both ? sites : [first]).map((site) => site.post()));
    const answered = answers.flatMap(({ head }, i) => (head === undefined ? [] : [{ head, site: i }]));
    assert.ok(answered.length <= 1, 'two primaries have answered for one size');
    const halts = await Promise.any(sites.map(async (site) => ({ site, ms: await haltedAfter(site, sinceMs) })));
    await assertNamesHeads(halts.site);
    const [winner] = answered;
    if (winner !== undefined) {
      assert.notEqual(sites[winner.site], halts.site, 'who has answered has halted');
      await assertContained(databases, [live, twin][winner.site] ?? '', [winner.head]);
    }
    assert.equal((await halts.site.post()).status, 503);
    return { whileRunning: halts.ms };
  } finally {
    await Promise.all(sites.map((site) => site.stop()));
  }
}

async function ownCopy({ databases, template, folder }: LifeWorld): Promise<{ live: string; state: string }> {
  const live = await databases.copy(template.database);
  const state = join(folder, 'state');
  await copyFolder(template.state, state);
  return { live, state };
}

/** Resolves with the ms since then at which it was seen to have halted. */
async function haltedAfter(site: ServeSite, sinceMs: number): Promise<number> {
  await until('the log halts', WAIT_MS, async () => ((await site.unready()) ?? '').includes('nothing is signed'));
  return performance.now() - sinceMs;
}

/** Nothing is accepted, both heads are named to the operator, and what was shown before is still shown. */
async function assertHalted(site: ServeSite, shown: Head | undefined): Promise<void> {
  assert.equal((await site.post()).status, 503);
  assert.deepEqual(await site.checkpoint(), shown);
  await assertNamesHeads(site);
}

async function assertNamesHeads(site: ServeSite): Promise<void> {
  const detail = (await site.unready()) ?? '';
  const heads = new Set(detail.match(/size \d+ root [0-9a-f]{64}/g) ?? []);
  assert.ok(heads.size >= 2, `both heads are named: ${detail}`);
  assert.match(detail, new RegExp(`^${LOG}: `));
  const line = site.output.split('\n').find((each) => each.includes('the log is read-only')) ?? '';
  for (const head of heads) assert.ok(line.includes(head), `the log names ${head}: ${line}`);
  assert.match(line, /docs\/runbooks\/read-only-log\.md/);
}

async function assertContained(databases: Databases, name: string, heads: readonly Head[]): Promise<void> {
  const text = "select size::integer as size, encode(root, 'hex') as root from log.heads";
  const known = new Map((await databases.rows<Head>(name, text)).map(({ size, root }) => [size, root]));
  for (const { size, root } of heads) assert.equal(known.get(size), root, `a head was shown that is not the log's`);
}

/** Every signed note of a database. */
async function notesOf(databases: Databases, name: string): Promise<unknown[]> {
  return databases.rows(name, "select size, ordinal, encode(note, 'hex') as note from log.notes order by 1, 2");
}

/** Four callers, one after the other each; what is answered is kept. */
function startLoad(site: ServeSite): { heads: Head[]; stop(): Promise<void> } {
  const heads: Head[] = [];
  let going = true;
  const call = async (): Promise<void> => {
    while (going) {
      const { head } = await site.post().catch(() => ({ head: undefined }));
      if (head !== undefined) heads.push(head);
    }
  };
  const calls = Promise.all(Array.from({ length: 4 }, call));
  return {
    heads,
    async stop() {
      going = false;
      await calls;
      heads.sort((a, b) => a.size - b.size);
    },
  };
}
