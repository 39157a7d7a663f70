import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { formatNote, formatVerifierKey, parseVerifierKey, verifierOf, verifyNote } from '@sigstead/formats';
import { freePort, leaves, rootOf, TestLog } from '@sigstead/test';
import { isAlive, LAUNCHER, run, type Spawned } from './running.ts';
import { command } from './serve-support.ts';

/** Kills, and the answers between them. */
const KILLS = 4;
const LEAST_ANSWERS = 3;

suite('a witness in a process of its own', { timeout: 120_000 }, () => {
  const log = new TestLog('log.example/one');
  let folder: string;
  let config: string;
  let url: string;
  let vkey: string;
  const started: Spawned[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sigstead-witness-'));
    config = join(folder, 'w', 'witness.yaml');
    const listen = `127.0.0.1:${await freePort()}`;
    url = `http://${listen}`;
    await command('witness', 'init', join(folder, 'w'), '--name', 'w.example', '--listen', listen);
    const text = await readFile(config, 'utf8');
    const metrics = `metrics: {listen: 127.0.0.1:${await freePort()}}`;
    await writeFile(config, text.replace('logs: []', `logs: [{vkey: ${formatVerifierKey(log.key.vkey)}}]\n${metrics}`));
    vkey = (await command('witness', 'key', '--config', config)).output.trim();
  });
  after(async () => {
    for (const { child } of started) child.kill('SIGKILL');
    await Promise.all(started.map(({ ended }) => ended));
    await rm(folder, { recursive: true });
  });

  async function start(): Promise<Spawned> {
    const readyFile = join(folder, 'ready.json');
    await rm(readyFile, { force: true });
    const spawned = run(LAUNCHER, ['witness', '--config', config, '--ready-file', readyFile]);
    started.push(spawned);
    let over = false;
    void spawned.ended.finally(() => {
      over = true;
    });
    while ((await readFile(readyFile, 'utf8').catch(() => '')) === '') {
      if (over) throw new Error(`ended before it was ready:\n${spawned.output()}`);
      await delay(20);
    }
    const report = JSON.parse(await readFile(readyFile, 'utf8')) as { pid: number };
    processes.set(spawned, report.pid);
    return spawned;
  }
  const processes = new Map<Spawned, number>();

  async function kill(spawned: Spawned): Promise<void> {
    // The launcher waits for the process that serves: that is the one to be killed.
    const pid = processes.get(spawned) ?? assert.fail();
    process.kill(pid, 'SIGKILL');
    await spawned.ended;
    while (isAlive(pid)) await delay(10);
  }

  const add = (oldSize: number, tree: readonly string[]): Promise<Response> =>
    fetch(`${url}/add-checkpoint`, { method: 'POST', body: new Uint8Array(log.request(oldSize, tree)) });

  test('killed at any moment under load, it has cosigned one tree only, and goes on with that', async () => {
    const released: { size: number; root: Buffer }[] = [];
    const verifier = verifierOf(parseVerifierKey(vkey));
    let size = 0;
    let known = 0;

    /** One checkpoint after the other, and another tree's beside each, until the process dies. */
    async function press(): Promise<void> {
      for (;;) {
        const tree = leaves(size + 1);
        const fork = leaves(size + 2, 'fork');
        const [answer, forked] = await Promise.all([add(known, tree), add(known, fork)]);
        assert.notEqual(forked.status === 200 && known > 0, true, 'a fork was cosigned');
        if (forked.status === 200) assert.fail('the first tree must be the log’s');
        const body = await answer.text();
        if (answer.status === 409) known = Number(body);
        else if (answer.status === 200) {
          assert.equal(verifyNote(formatNote(log.text(tree), [body]), [verifier]).length, 1);
          released.push({ size: tree.length, root: rootOf(tree) });
          known = tree.length;
          size = tree.length;
        } else assert.fail(`${answer.status} ${body}`);
        size = Math.max(size, known);
      }
    }

    for (let kills = 0; kills < KILLS; kills++) {
      const spawned = await start();
      if (kills === 0) assert.equal((await add(0, leaves(++size))).status, 200);
      known = size;
      const before = released.length;
      const pressing = press().catch((error: unknown) => {
        // The end of the process ends the connection; anything else is a finding.
        if (!(error instanceof TypeError)) throw error;
      });
      while (released.length < before + LEAST_ANSWERS) await Promise.race([delay(5), pressing]);
      // Not always at the same place of a request.
      await delay(kills * 3);
      await kill(spawned);
      await pressing;
    }
    const spawned = await start();
    const last = released.at(-1) ?? assert.fail();
    const answer = await add(0, leaves(last.size));
    assert.equal(answer.status, 409);
    const now = Number(await answer.text());
    assert.ok(now === last.size || now === last.size + 1, `${now} after ${last.size}`);
    assert.equal((await add(now, leaves(now + 1, 'fork'))).status, 422);
    assert.equal((await add(now, leaves(now + 1))).status, 200);
    for (const each of released) assert.deepEqual(each.root, rootOf(leaves(each.size)), 'one tree');
    await kill(spawned);
  });

  test('a second process with the same state does not start; a signal ends it in order', async () => {
    const spawned = await start();
    const second = await command('witness', '--config', config);
    assert.equal(second.code, 1);
    assert.match(second.output, /is in use by another process: one witness, one process/);
    assert.deepEqual(await (await fetch(`${url}/readyz`)).json(), { ready: true, parts: { witness: { ready: true } } });
    assert.deepEqual(await (await fetch(`${url}/healthz`)).json(), { status: 'SERVING' });
    assert.ok((await (await fetch(`${url}/`)).text()).includes(vkey));
    const metrics = /127\.0\.0\.1:\d+(?=\})/.exec(await readFile(config, 'utf8'))?.[0] ?? '';
    assert.match(
      await (await fetch(`http://${metrics}/metrics`)).text(),
      /^sigstead_witness_size\{log="log\.example\/one"\} \d+$/m,
    );
    spawned.child.kill('SIGTERM');
    const { code, signal } = await spawned.ended;
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, spawned.output());
    await assert.rejects(readFile(join(folder, 'ready.json')), { code: 'ENOENT' });
  });
});
