import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatAddCheckpointRequest } from '@sigstead/formats';
import type { Fault } from './support/memory-files.ts';
import { leaves, TestLog } from '@sigstead/test';
import { World } from './support/world.ts';

const ORIGIN = 'log.example/one';
const FAULTS: readonly Fault[] = ['before', 'after', 'die-before', 'die-after'];

/**
 * How the machine goes on after the witness has died: it was killed; power was lost, with nothing or all of the rest kept;
 * it was killed, a monitor looked at what was found then, and power was lost after that.
 */
const ENDS: readonly ((world: World) => Promise<void> | void)[] = [
  ({ files }) => files.restart(),
  ({ files }) => files.losePower(() => false),
  ({ files }) => files.losePower(() => true),
  async (world) => {
    world.files.restart();
    await world.start();
    await world.look();
    world.files.losePower(() => false);
  },
];

/** Runs `before`, then the request with one step gone wrong. Undefined when the request has no such step. */
async function withFault(
  kind: Fault,
  { at, before }: { at: number; before: readonly number[] },
): Promise<{ world: World; log: TestLog } | undefined> {
  const log = new TestLog(ORIGIN);
  const world = new World(log);
  await world.init();
  for (const size of before) assert.equal((await world.persist(leaves(size))).kind, 'cosigned');
  const steps = world.files.steps;
  world.files.failAt(at, kind);
  await world.ask(log.request(before.at(-1) ?? 0, leaves(20)));
  return world.files.steps > steps + at ? { world, log } : undefined;
}

for (const before of [[], [7, 9]]) {
  for (const kind of FAULTS) {
    test(`a step of a cosignature after ${before.length} others that goes wrong (${kind}) forks nothing, loses nothing`, async () => {
      let steps = 0;
      for (let at = 0; ; at++) {
        const hit = await withFault(kind, { at, before });
        if (hit === undefined) break;
        steps += 1;
        for (const end of ENDS) {
          const { world, log } = (await withFault(kind, { at, before })) ?? assert.fail();
          await end(world);
          await world.start();
          await world.look();
          // Another tree of every size that may be known is refused; the log itself goes on.
          const fork = leaves(25, 'fork');
          for (const oldSize of [0, 7, 9, 20]) {
            const outcome = await world.ask(log.request(oldSize, fork));
            // Where nothing was ever cosigned, the fork comes first.
            assert.ok(outcome.kind !== 'cosigned' || world.released.length === 1, `${kind} at step ${at}`);
          }
          world.check([leaves(40), leaves(25, 'fork')]);
          const isForkFirst = world.released[0]?.size === 25;
          const outcome = await world.persist(isForkFirst ? [...fork, 'more'] : leaves(40));
          assert.equal(outcome.kind, 'cosigned', `${kind} at step ${at}: ${JSON.stringify(outcome)}`);
          world.check([leaves(40), [...fork, 'more']]);
        }
      }
      assert.ok(steps >= 6, `only ${steps} steps were tried`);
    });
  }
}

test('whatever was answered is durable: it is there after every loss of power', async () => {
  const log = new TestLog(ORIGIN);
  const world = new World(log);
  await world.init();
  for (let size = 1; size < 30; size += 3) {
    world.clock.nowSec += 1;
    assert.equal((await world.persist(leaves(size))).kind, 'cosigned');
    world.files.losePower(() => false);
    await world.start();
    assert.match((await world.look()) ?? '', new RegExp(`^${ORIGIN}\\n${size}\\n`));
  }
  world.check([leaves(30)]);
});

interface Step {
  readonly do: 'ask' | 'fork' | 'replay' | 'echo' | 'together' | 'look' | 'kill' | 'power' | 'fault' | 'clock';
  readonly a: number;
  readonly b: number;
  readonly keeps: readonly boolean[];
}

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('ask', 'ask', 'fork', 'replay', 'echo', 'together', 'look', 'kill', 'power', 'fault', 'clock'),
  a: fc.nat(12),
  b: fc.nat(40),
  keeps: fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }),
});

/** Two trees that the log's operator grows apart after a common start; the witness may follow one of them only. */
class TwoTrees {
  readonly trees: [string[], string[]] = [[], []];

  grow(which: 0 | 1, count: number): readonly string[] {
    const tree = this.trees[which];
    for (let i = 0; i < count; i++)
      tree.push(tree.length < 4 ? `common ${tree.length}` : `tree ${which} ${tree.length}`);
    return tree.slice();
  }
}

async function play(steps: readonly Step[]): Promise<void> {
  const log = new TestLog(ORIGIN);
  const world = new World(log);
  const two = new TwoTrees();
  let last: Buffer | undefined;
  await world.init();
  for (const { do: what, a, b, keeps } of steps) {
    if (what === 'kill') world.files.restart();
    else if (what === 'power') {
      let n = 0;
      world.files.losePower(() => keeps[n++ % keeps.length] ?? false);
    } else if (what === 'fault') world.files.failAt(a, FAULTS[b % 4] ?? 'before');
    else if (what === 'clock') world.clock.nowSec += b - 15;
    else if (what === 'look') await world.look();
    else if (what === 'echo') await echo(world, b);
    else if (what === 'replay' && last !== undefined) await world.ask(last);
    else if (what === 'together') {
      await Promise.all([0, 1, 0, 1].map((which) => world.persist(two.grow(which === 0 ? 0 : 1, a % 4))));
    } else {
      const tree = two.grow(what === 'fork' ? 1 : 0, a);
      last = log.request(Math.min(b, tree.length), tree);
      await (b > 20 ? world.persist(tree) : world.ask(last));
    }
    if (what === 'kill' || what === 'power' || (await isDead(world))) {
      world.files.restart();
      await world.start();
    }
    world.check(two.trees);
  }
  // When all is well again, the tree that was followed goes on.
  world.files.restart();
  world.clock.nowSec += 10_000;
  await world.start();
  const outcomes = [await world.persist(two.grow(0, 1)), await world.persist(two.grow(1, 1))];
  assert.ok(
    outcomes.some(({ kind }) => kind === 'cosigned'),
    JSON.stringify(outcomes),
  );
  world.check(two.trees);
}

/** The log sends back what the witness shows, with its own cosignature: that is never taken for a state that was set back. */
async function echo(world: World, oldSize: number): Promise<void> {
  const note = await world.look();
  if (note === undefined) return;
  const outcome = await world.ask(Buffer.from(formatAddCheckpointRequest({ oldSize, proof: [], note })));
  assert.notEqual(outcome.kind === 'outage' && outcome.code === 'halted', true);
}

const isDead = ({ files }: World): Promise<boolean> =>
  Promise.race([files.died.then(() => true), Promise.resolve().then(() => Promise.resolve(false))]);

test('whatever a log signs and whenever the witness dies, all that was cosigned is of one tree, in order', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25 }), play), { numRuns: 100 });
});
