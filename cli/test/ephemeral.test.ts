import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { exists, gone, isAlive, LAUNCHER, postmasterPid, run, stop, whenReady } from './running.ts';
import { newWorkplace, type Workplace } from './workplace.ts';

let place: Workplace;
let base: Workplace['base'];
let env: Workplace['env'];
let children: Workplace['children'];
before(async () => {
  place = await newWorkplace();
  ({ base, env, children } = place);
});
after(() => place.close());

suite('npm and temporary instances', { timeout: 60_000 }, () => {
  test('a signal to npm’s own pid stops an ephemeral instance; its folder is gone', async () => {
    const ready = join(base, 'npm.json');
    const root = join(import.meta.dirname, '..', '..');
    const npm = run('npm', ['--prefix', root, 'start', '--', '--ephemeral', '--port', '0', '--ready-file', ready], env);
    children.push(npm.child);
    const report = await whenReady(ready, npm);
    const postgres = await postmasterPid(report.dataDir);
    const ended = await stop(npm, 'SIGTERM');
    assert.equal(ended.code, 0, ended.output);
    await gone(report.pid);
    assert.equal(isAlive(postgres), false);
    assert.equal(await exists(report.dataDir), false);
    assert.equal(await exists(report.tufRoot), false);
  });

  test('a signal while it starts ends it cleanly too', async () => {
    const starting = run(LAUNCHER, ['dev', '--ephemeral', '--port', '0'], env);
    children.push(starting.child);
    while (!starting.output().includes('starts in')) await new Promise((resolve) => setTimeout(resolve, 5));
    const folder = /starts in (\S+)/.exec(starting.output())?.[1] ?? assert.fail();
    const ended = await stop(starting, 'SIGINT');
    assert.equal(ended.code, 0, ended.output);
    assert.doesNotMatch(ended.output, /is ready/);
    assert.equal(await exists(folder), false);
  });
});
