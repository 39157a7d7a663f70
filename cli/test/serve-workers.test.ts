import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import { asBytes } from '../src/self-test/check.ts';
import { gone, halted, isAlive, type Spawned } from './running.ts';
import { type Appended, type LogClient, logClient } from './serve-entries.ts';
import { besideSite, Children, install, makeSite, type Site, stopped, workerPids } from './serve-support.ts';

let database: TestDatabase;
let site: Site;
let log: LogClient;
const children = new Children();
before(async () => {
  database = await testDatabase();
  site = await makeSite(database.connectionString);
  await install(site);
  log = logClient(site.url);
});
after(async () => {
  await children.close();
  await site.close();
  await database.drop();
});

async function whenWorkers(spawned: Spawned, holds: (pids: Map<number, number>) => boolean): Promise<void> {
  while (!holds(workerPids(spawned))) await delay(20);
}

suite('workers of one configuration', { timeout: 120_000 }, () => {
  let two: Spawned;
  before(async () => {
    two = await children.serve(site);
  });
  after(() => stopped(two));

  test('whoever is asked, over whatever connection, shows what any answer said before', async () => {
    const beside = await besideSite(site);
    const third = await children.serve(beside, '--workers', '1');
    const urls = [site.url, site.url, site.url, beside.listenUrl];
    const clients = [...urls, ...urls].map((url) => logClient(url, { kept: true }));
    try {
      let highest = 0;
      let running = true;
      let reads = 0;
      const seen = (size: number): void => {
        highest = Math.max(highest, size);
      };
      const readers = clients.map(async (client) => {
        while (running) {
          const floor = highest;
          const size = await client.checkpointSize();
          assert.ok(size >= floor, `a checkpoint of ${size} after one of ${floor}`);
          seen(size);
          reads += 1;
        }
      });
      const writers = urls.map(async (url, i) => {
        const writer = logClient(url, { kept: true });
        for (let round = 0; round < 40; round += 1) {
          const { index, size, entry } = await writer.append();
          seen(size);
          const bytes = asBytes('entry', entry['canonicalizedBody']);
          for (const at of [round + i, round + i + 1]) {
            const asked = clients[at % clients.length] ?? assert.fail();
            assert.deepEqual(await asked.served(index, size), bytes);
          }
        }
        writer.close();
      });
      try {
        await Promise.all(writers);
      } finally {
        running = false;
      }
      await Promise.all(readers);
      assert.ok(reads > 100, `${reads} reads`);
    } finally {
      for (const client of clients) client.close();
      await stopped(third);
    }
  });

  test('two workers export one log to one folder, up to what was answered', async () => {
    const { size } = await log.append();
    const exported = async (): Promise<string> =>
      readFile(join(site.folder, 'tiles', 'checkpoint'), 'utf8').catch(() => '');
    while (!(Number((await exported()).split('\n')[1]) >= size)) await delay(20);
    assert.equal(await exported(), String(await log.get('/checkpoint')));
  });

  test('kill -9 of a worker under requests: what was acknowledged is there, the others answer, another takes its place', async () => {
    const [[slot, victim] = [0, 0]] = [...workerPids(two)];
    let running = true;
    let killed = false;
    const acknowledged: Appended[] = [];
    let afterKill = 0;
    const cut: unknown[] = [];
    const clients = Array.from({ length: 6 }, async () => {
      while (running) {
        const sentAfter = killed;
        try {
          acknowledged.push(await log.append());
          if (sentAfter) afterKill += 1;
        } catch (error) {
          // Only a request that the victim had taken may be cut.
          if (sentAfter) cut.push(error);
        }
      }
    });
    while (acknowledged.length < 30) await delay(10);
    process.kill(victim, 'SIGKILL');
    await gone(victim);
    killed = true;
    await whenWorkers(two, (pids) => pids.get(slot) !== victim);
    while (afterKill < 30) await delay(10);
    running = false;
    await Promise.all(clients);
    assert.deepEqual(cut, []);
    const size = await log.checkpointSize();
    assert.equal(new Set(acknowledged.map(({ index }) => index)).size, acknowledged.length);
    for (const { index, entry } of acknowledged) {
      assert.deepEqual(await log.served(index, size), asBytes('entry', entry['canonicalizedBody']));
    }
  });

  test('a worker that is stopped holds nobody for longer than five seconds: it is ended, and another takes its place', async () => {
    const [[slot, victim] = [0, 0]] = [...workerPids(two)];
    const clients = Array.from({ length: 8 }, () => logClient(site.url, { kept: true }));
    const first = await Promise.all(clients.map((client) => client.append()));
    process.kill(victim, 'SIGSTOP');
    try {
      await halted(victim);
      // Which of the kept connections are the victim's is chance: all or none may be. New ones are taken by who is awake.
      const held = clients.map((client) => client.append());
      const fresh = Array.from({ length: 4 }, () => log.append());
      await Promise.allSettled(held);
      const sizes = (await Promise.all(fresh)).map(({ size }) => size);
      const size = Math.max(...sizes);
      assert.ok(size > first.length);
      await gone(victim);
      await whenWorkers(two, (pids) => pids.get(slot) !== victim);
      assert.match(two.output(), /gives no sign of life/);
      for (const { index, entry } of first) {
        assert.deepEqual(await log.served(index, size), asBytes('entry', entry['canonicalizedBody']));
      }
    } finally {
      for (const client of clients) client.close();
      if (isAlive(victim)) process.kill(victim, 'SIGCONT');
    }
  });
});
