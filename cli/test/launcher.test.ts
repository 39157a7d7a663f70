import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';

const LAUNCHER = join(dirname(import.meta.dirname), 'bin', 'sigstead');

let base: string;
before(async () => {
  base = await mkdtemp(join(tmpdir(), 'sigstead launcher '));
  await mkdir(join(base, 'tree', 'cli', 'bin'), { recursive: true });
  await cp(LAUNCHER, join(base, 'tree', 'cli', 'bin', 'sigstead'));
  await mkdir(join(base, 'tree', 'node_modules', 'fastify'), { recursive: true });
});
after(() => rm(base, { recursive: true, force: true }));

/** A stand-in for node that reports a version, or prints the words it was started with. */
async function fakeNode(folder: string, version: string): Promise<string> {
  const path = join(base, folder);
  await mkdir(path, { recursive: true });
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo ${version}; else printf '%s|' "$SIGSTEAD_PARENT_PID" "$@"; fi\n`;
  await writeFile(join(path, 'node'), script);
  await chmod(join(path, 'node'), 0o755);
  return path;
}

function launch(launcher: string, path: string, args: string[] = []) {
  return spawnSync(launcher, args, { encoding: 'utf8', env: { PATH: `${path}:/usr/bin:/bin` }, cwd: '/' });
}

/** What this project's own Node is started with. */
const WORDS =
  '--disable-warning=ExperimentalWarning|--initial-old-space-size=128|--external-memory-accounted-in-global-limit';

suite('launcher', () => {
  test('an old Node is named with its version in one line', async () => {
    const { status, stderr } = launch(join(base, 'tree/cli/bin/sigstead'), await fakeNode('old', 'v20.20.2'));
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^sigstead: .*node is v20\.20\.2, too old; run 'npm ci' in .*, or install Node\.js 24 or newer\n$/,
    );
  });

  test('a new one is given the program and all words as they are, and the parent', async () => {
    const args = ['dev', '--data', 'a b', '$(x)', ''];
    const { status, stdout } = launch(join(base, 'tree/cli/bin/sigstead'), await fakeNode('new', 'v26.10.0'), args);
    assert.equal(status, 0);
    const main = join(base, 'tree/cli/src/main.ts');
    assert.equal(stdout, `${process.pid}|${WORDS}|${main}|dev|--data|a b|$(x)||`);
  });

  test('words of one version`s engine are for that version alone', async () => {
    const launcher = join(base, 'tree/cli/bin/sigstead');
    const main = join(base, 'tree/cli/src/main.ts');
    for (const version of ['v24.18.0', 'v27.0.0']) {
      const { stdout } = launch(launcher, await fakeNode('other', version));
      assert.equal(stdout, `${process.pid}|--disable-warning=ExperimentalWarning|${main}|`);
    }
    const known = spawnSync(process.execPath, [...WORDS.split('|'), '-p', '1'], { encoding: 'utf8' });
    if (process.versions.node.startsWith('26.')) assert.equal(known.status, 0, known.stderr);
  });

  test('the pinned one wins over the PATH; one that cannot run does not', async () => {
    const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
    const pinned = join('tree/node_modules', `node-linux-${arch}`, 'bin');
    await fakeNode(pinned, 'v26.10.0');
    const old = await fakeNode('old', 'v20.20.2');
    const launcher = join(base, 'tree/cli/bin/sigstead');
    assert.equal(launch(launcher, old).status, process.platform === 'linux' ? 0 : 1);
    await writeFile(join(base, pinned, 'node'), 'no program');
    assert.match(launch(launcher, old).stderr, /v20\.20\.2, too old/);
    await rm(join(base, 'tree/node_modules', `node-linux-${arch}`), { recursive: true });
  });

  test('it is found through links, relative ones too', async () => {
    await mkdir(join(base, 'links'), { recursive: true });
    await symlink('../tree/cli/bin/sigstead', join(base, 'links', 'one'));
    await symlink(join(base, 'links', 'one'), join(base, 'links', 'two'));
    const { stdout } = launch(join(base, 'links', 'two'), await fakeNode('new', 'v26.10.0'));
    assert.equal(stdout, `${process.pid}|${WORDS}|${join(base, 'tree/cli/src/main.ts')}|`);
  });

  test('missing packages are said', async () => {
    await mkdir(join(base, 'bare', 'cli', 'bin'), { recursive: true });
    await cp(LAUNCHER, join(base, 'bare', 'cli', 'bin', 'sigstead'));
    const { status, stderr } = launch(join(base, 'bare/cli/bin/sigstead'), await fakeNode('new', 'v26.10.0'));
    assert.equal(status, 1);
    assert.match(stderr, /^sigstead: the packages are not installed; run 'npm ci' in .*\n$/);
  });

  test('the real one answers', () => {
    const { status, stdout } = spawnSync(LAUNCHER, ['version'], { encoding: 'utf8' });
    assert.equal(status, 0);
    assert.match(stdout, /^sigstead \d+\.\d+\.\d+\n$/);
  });
});
