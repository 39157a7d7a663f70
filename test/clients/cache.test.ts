import assert from 'node:assert/strict';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { clientCacheDir, installInto } from './cache.ts';
import { temporaryFolder } from './environment.ts';
import { provide, provided, type Tool } from './tool.ts';

/** A tool whose program is a shell script that prints `good`. */
function scriptTool(): Tool {
  return {
    name: 'script 1.0.0',
    variable: 'UNUSED',
    folder: async () => 'script-1.0.0',
    missing: async () => undefined,
    fill: async (folder) => {
      await writeFile(join(folder, 'program'), 'good');
      await chmod(join(folder, 'program'), 0o755);
    },
    program: 'program',
    check: async (program) => assert.equal(await readFile(program, 'utf8'), 'good'),
  };
}

test('an install that fails leaves nothing behind', async () => {
  const folder = await temporaryFolder();
  const half = async (draft: string): Promise<void> => {
    await writeFile(join(draft, 'half'), 'x');
    throw new Error('the network is gone');
  };
  await assert.rejects(installInto(join(folder, 'tool-1.0.0'), half), /the network is gone/);
  assert.deepEqual(await readdir(folder), []);
});

test('of two installs at once the first one stays, and both succeed', async () => {
  const target = join(await temporaryFolder(), 'tool-1.0.0');
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow = installInto(target, async (draft) => {
    await released;
    await writeFile(join(draft, 'by'), 'second');
  });
  await installInto(target, (draft) => writeFile(join(draft, 'by'), 'first'));
  release();
  await slow;
  assert.equal(await readFile(join(target, 'by'), 'utf8'), 'first');
  assert.deepEqual(await readdir(join(target, '..')), ['tool-1.0.0']);
});

test('a finished install is used again, a damaged one is made anew', async () => {
  const cache = await temporaryFolder();
  assert.equal(await provided(scriptTool(), cache), undefined);
  const program = await provide(scriptTool(), cache);
  assert.equal(await provided(scriptTool(), cache), program);
  await writeFile(program, 'damaged');
  assert.equal(await provided(scriptTool(), cache), undefined);
  assert.equal(await provide(scriptTool(), cache), program);
  assert.equal(await readFile(program, 'utf8'), 'good');
});

test('the cache lies outside of the checkout, where the environment says', () => {
  const cache = (env: NodeJS.ProcessEnv): string => clientCacheDir(env);
  assert.equal(cache({ SIGSTEAD_CLIENT_CACHE: '/a', XDG_CACHE_HOME: '/b' }), '/a');
  assert.equal(cache({ XDG_CACHE_HOME: '/b' }), '/b/sigstead/clients');
  assert.match(cache({ XDG_CACHE_HOME: 'relative' }), /\/\.cache\/sigstead\/clients$/);
});
