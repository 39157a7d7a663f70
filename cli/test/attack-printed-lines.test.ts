import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { clientCommands, envBlock } from '../src/clients/settings.ts';
import { tokenCommand } from '../src/commands/token.ts';
import { readUrl } from '../src/option-values.ts';

/* Printed lines are pasted into shells and passed to eval, whatever URL and path stand in them. */

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sigstead-lines-'));
  // `marker` is what an injected command would run; the others note how they were called.
  await program('marker', 'echo ran >> "$DIR/marked"');
  for (const name of ['cosign', 'sigstore', 'sigstead', 'node'])
    await program(name, 'printf "%s\\n" "$@" >> "$DIR/args"');
});
after(() => rm(dir, { recursive: true, force: true }));

async function program(name: string, body: string): Promise<void> {
  await writeFile(join(dir, name), `#!/bin/sh\n${body}\n`);
  await chmod(join(dir, name), 0o755);
}

async function inShell(script: string): Promise<{ marked: boolean; args: string[] }> {
  for (const name of ['marked', 'args']) await rm(join(dir, name), { force: true });
  execFileSync('/bin/sh', ['-c', script], {
    env: { PATH: `${dir}:/bin:/usr/bin`, DIR: dir },
    cwd: dir,
    stdio: 'ignore',
  });
  const args = await readFile(join(dir, 'args'), 'utf8').catch(() => '');
  const marked = await readFile(join(dir, 'marked')).catch(() => undefined);
  return { marked: marked !== undefined, args: args.split('\n') };
}

/** Hosts that a URL parser takes. */
const HOSTS = ['$(marker)', 'a;marker;', 'a&marker&', '`marker`', "a'b", '*', 'a"$(marker)"', '{a,b}', '~'];

const contextOf = (url: string) => {
  const folder = join(dir, 'c');
  const root = { sha256: 'ab'.repeat(32), folder, path: join(folder, 'root.json') };
  const at = (name: string): string => join(dir, name);
  return { url, root, sigstead: at('sigstead'), node: at('node'), jsExample: '/e.mjs' };
};

test('commands for any host run what they say, and the URL arrives as it is', async () => {
  for (const host of HOSTS) {
    const url = readUrl('env', '--url', `http://${host}`) ?? '';
    for (const client of ['cosign', 'python', 'js'] as const) {
      const { marked, args } = await inShell(clientCommands(client, contextOf(url)).join('\n'));
      assert.equal(marked, false, `${client} ${url}`);
      assert.ok(args.includes(url), `${client} ${url}: ${args.join(' ')}`);
    }
  }
});

test('examples of an env block run without harm too, once their mark of a comment is taken off', async () => {
  for (const host of HOSTS) {
    const block = envBlock('cosign', contextOf(`http://${host}`), 'fetched');
    const examples = block.split('\n').filter((line) => line.startsWith('#   '));
    const { marked } = await inShell(examples.map((line) => line.slice(4)).join('\n'));
    assert.ok(examples.length > 0);
    assert.equal(marked, false, host);
  }
});

test('a line break in a path ends no comment of an env block', async () => {
  const context = { ...contextOf('http://localhost:8080'), sigstead: '/s\nmarker\n/sigstead' };
  const { marked } = await inShell(envBlock('cosign', context, 'read from /d\nmarker\n/root.json'));
  assert.equal(marked, false);
});

test('what a foreign server calls a token is not printed unless it has the form of one', async () => {
  let body = '';
  const server = createServer((_request, response) => response.end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const user = { env: {}, platform: process.platform, uid: 1, home: dir };
  const written: string[] = [];
  const io = { user, stdin: (async function* () {})(), write: (text: string) => void written.push(text) };
  try {
    for (const token of ['\u001b]0;x\u0007', 'a.b.c\nmarker', '', '--help', 'a.b', 'a.b.c.d']) {
      body = JSON.stringify({ token });
      await assert.rejects(
        tokenCommand({ issuer: 'email', email: 'a@b.c', url }, io),
        /no Sigstead development instance/,
      );
    }
    assert.deepEqual(written, []);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
