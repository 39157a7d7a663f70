import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger, type Logger } from '@sigstead/platform';
import { Failure } from '../src/failure.ts';
import { startCrew } from '../src/serve/workers/crew.ts';
import type { CrewLimits } from '../src/serve/workers/crew-options.ts';
import { isStopped } from '../src/serve/workers/is-stopped.ts';
import { Pulse } from '../src/serve/workers/pulse.ts';
import { gone, isAlive } from './running.ts';

interface Line {
  readonly msg: string;
  readonly slot?: number;
  readonly pid?: number;
}

const QUICK: Partial<CrewLimits> = { firstPauseMs: 1, maxPauseMs: 4, lookMs: 50, silentMs: 1_000, stuckMs: 60_000 };

/** Workers that do what `roles` says of their slot, and what the first process logs of them. */
async function crewOf(t: TestContext, roles: Record<string, string>, limits: Partial<CrewLimits> = {}) {
  const lines: Line[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Line);
  const logger: Logger = createLogger({ service: 'test', level: 'debug', stream: { write } });
  const crew = await startCrew({
    size: Object.keys(roles).length,
    path: '/x.yaml',
    text: JSON.stringify(roles),
    exec: join(import.meta.dirname, 'crew-worker.ts'),
    args: [],
    logger,
    limits: { ...QUICK, ...limits },
  });
  t.after(() => crew.stop());
  const pidsOf = (slot: number): number[] =>
    lines.flatMap((line) => (line.msg === 'a worker serves' && line.slot === slot ? [line.pid ?? 0] : []));
  return { crew, lines, pidsOf };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(10);
}

suite('workers', { timeout: 60_000 }, () => {
  test('one that is killed is replaced, and the others stay', async (t) => {
    const { crew, pidsOf } = await crewOf(t, { 1: 'good', 2: 'good' });
    const [stays = 0] = pidsOf(1);
    process.kill(pidsOf(2)[0] ?? 0, 'SIGKILL');
    await until(() => pidsOf(2).length === 2);
    assert.deepEqual(pidsOf(1), [stays]);
    assert.deepEqual(crew.status(), { serving: [true, true], restarts: 1 });
  });

  test('one that is stopped is ended and replaced: what it holds would wait for ever', async (t) => {
    const { pidsOf, lines } = await crewOf(t, { 1: 'good', 2: 'good' });
    const [stopped = 0] = pidsOf(2);
    process.kill(stopped, 'SIGSTOP');
    await gone(stopped);
    await until(() => pidsOf(2).length === 2);
    assert.equal(pidsOf(1).length, 1);
    assert.equal(lines.filter(({ msg }) => msg.includes('no sign of life')).length, 1);
  });

  test('what one has said before it ended counts for nothing when it is heard after', async (t) => {
    const { crew, pidsOf, lines } = await crewOf(
      t,
      { 1: 'good', 2: 'good' },
      { firstPauseMs: 60_000, maxPauseMs: 60_000 },
    );
    const worker = Object.values(cluster.workers ?? {}).find((each) => each?.process.pid === pidsOf(2)[0]);
    assert.ok(worker);
    worker.process.kill('SIGKILL');
    await until(() => lines.some(({ msg }) => msg.startsWith('a worker ended')));
    worker.emit('message', { kind: 'ready', addresses: ['here'] });
    assert.deepEqual(crew.status().serving, [true, false]);
    assert.equal(pidsOf(2).length, 1);
  });

  test('all that end again and again end the whole, with the reason of the last one', async (t) => {
    const { crew, pidsOf } = await crewOf(t, { 1: 'dies', 2: 'dies' });
    const lost = await crew.lost;
    assert.ok(lost instanceof Failure);
    assert.match(lost.message, /^no worker stays: each ended 8 times in a row, the last one: exit code 3$/);
    assert.ok(pidsOf(1).length >= 8);
  });

  test('being killed from outside is no fault of theirs, however often', async (t) => {
    const { crew, pidsOf } = await crewOf(t, { 1: 'good' }, { maxFailures: 2 });
    for (let times = 1; times <= 4; times += 1) {
      process.kill(pidsOf(1).at(-1) ?? 0, 'SIGKILL');
      await until(() => pidsOf(1).length > times);
    }
    assert.equal(await Promise.race([crew.lost, Promise.resolve('serves')]), 'serves');
  });

  test('as long as one serves, the others are tried again', async (t) => {
    const { crew, pidsOf } = await crewOf(t, { 1: 'good', 2: 'dies' });
    await until(() => pidsOf(2).length > 12);
    const outcome = await Promise.race([crew.lost, Promise.resolve('serves')]);
    assert.equal(outcome, 'serves');
  });

  test('one that cannot start stops the start with its reason, and leaves none behind', async (t) => {
    await assert.rejects(crewOf(t, { 1: 'good', 2: 'fails' }), /^Failure: the database does not answer$/);
  });

  test('one that does not hear the wish to stop is killed when the time is up, and that is told', async (t) => {
    const { crew, pidsOf } = await crewOf(t, { 1: 'good', 2: 'deaf' }, { stopMs: 200 });
    assert.equal(await crew.stop(), false);
    for (const slot of [1, 2]) assert.equal(isAlive(pidsOf(slot)[0] ?? 0), false);
  });
});

suite('signs of life', () => {
  const limits = { silentMs: 4_000, stuckMs: 30_000 };
  function watched(slots: number[], stopped: number[] = []): Pulse {
    const pulse = new Pulse(limits, (slot) => stopped.includes(slot));
    pulse.silent(0);
    for (const slot of slots) pulse.beat(slot, 0);
    return pulse;
  }
  /** Looks every second until the end; those that are alive beat. */
  function run(pulse: Pulse, toMs: number, alive: number[] = []): [atMs: number, slots: number[]][] {
    const found: [number, number[]][] = [];
    for (let atMs = 1_000; atMs <= toMs; atMs += 1_000) {
      for (const slot of alive) pulse.beat(slot, atMs);
      const slots = pulse.silent(atMs);
      if (slots.length > 0) found.push([atMs, slots]);
      for (const slot of slots) pulse.forget(slot);
    }
    return found;
  }

  test('one that is stopped is ended within five seconds while another one lives', () => {
    assert.deepEqual(run(watched([1, 2], [2]), 60_000, [1]), [[4_000, [2]]]);
  });

  test('one that is only slow gets longer, and is ended when it is stuck', () => {
    assert.deepEqual(run(watched([1, 2]), 60_000, [1]), [[30_000, [2]]]);
  });

  test('when all are silent the fault may be the machine’s, and they get longer', () => {
    assert.deepEqual(run(watched([1, 2], [1, 2]), 60_000), [[30_000, [1, 2]]]);
  });

  test('nobody is judged by a time in which the first process was stopped itself', () => {
    const pulse = watched([1, 2], [2]);
    assert.deepEqual(pulse.silent(1_000), []);
    pulse.beat(1, 61_000);
    assert.deepEqual(pulse.silent(61_000), []);
    pulse.beat(1, 64_999);
    assert.deepEqual(pulse.silent(63_000), []);
    assert.deepEqual(pulse.silent(65_000), [2]);
  });

  test('one that has not begun, or is gone, is not waited for', () => {
    const pulse = watched([1, 2], [2]);
    pulse.forget(2);
    assert.deepEqual(run(pulse, 60_000, [1]), []);
  });

  test('a process says itself whether it is stopped, whatever its name is', async (t) => {
    assert.equal(isStopped(process.pid), false);
    assert.equal(isStopped(undefined), false);
    const folder = await mkdtemp(join(tmpdir(), 'sigstead-stopped-'));
    t.after(() => rm(folder, { recursive: true }));
    const program = join(folder, ') T (');
    await symlink('/bin/sleep', program);
    const child = spawn(program, ['60'], { stdio: 'ignore' });
    t.after(() => child.kill('SIGKILL'));
    await once(child, 'spawn');
    assert.equal(isStopped(child.pid), false);
    child.kill('SIGSTOP');
    await until(() => isStopped(child.pid));
  });
});
