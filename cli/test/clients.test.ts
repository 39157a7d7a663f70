import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import fc from 'fast-check';
import { keepRoot } from '../src/clients/kept-root.ts';
import { clientCommands, clientVariables, envBlock } from '../src/clients/settings.ts';
import { ENV_CLIENTS } from '../src/flags/dev.ts';
import { envCommand } from '../src/commands/env.ts';
import { tokenCommand } from '../src/commands/token.ts';
import { writeInstance } from '../src/dev/instance-file.ts';
import { Failure } from '../src/failure.ts';
import { assignments, exportLines, shellWord } from '../src/shell.ts';
import { cacheDir, defaultDataDir, type UserContext } from '../src/user-dirs.ts';

let base: string;
before(async () => {
  base = await mkdtemp(join(tmpdir(), "sigstead cli's "));
});
after(() => rm(base, { recursive: true, force: true }));

const root = { sha256: 'ab'.repeat(32), folder: '/c/abab', path: '/c/abab/root.json' };
const context = { url: 'http://localhost:8080', root, sigstead: '/s/bin/sigstead', node: '/n', jsExample: '/s/e.mjs' };

suite('shell words', () => {
  test('any text without NUL survives a real shell', () => {
    const text = fc.string({ unit: 'binary' }).map((s) => s.replaceAll('\0', '').replaceAll('\r', ''));
    fc.assert(
      fc.property(text, (value) => {
        const printed = execFileSync('/bin/sh', ['-c', `printf %s ${shellWord(value)}`], { encoding: 'utf8' });
        assert.equal(printed, Buffer.from(value, 'utf8').toString('utf8'));
      }),
      { numRuns: 25, examples: [["it's"], ['$(id)'], ['a b'], [''], ['`x`'], ['~'], ['-n']] },
    );
  });

  test('exports and assignments quote only where needed', () => {
    assert.deepEqual(exportLines({ A: '/x/y', B: 'a b' }), ['export A=/x/y', "export B='a b'"]);
    assert.equal(assignments({ A: '1', B: "'" }), "A=1 B=''\\''' ");
  });
});

suite('client settings', () => {
  test('cosign gets exactly its three variables, and no service URL anywhere', () => {
    assert.deepEqual(clientVariables('cosign', context), {
      TUF_MIRROR: 'http://localhost:8080/tuf',
      TUF_ROOT_JSON: '/c/abab/root.json',
      TUF_ROOT: '/c/abab/cosign',
    });
    assert.doesNotMatch(envBlock('cosign', context, 'x'), /COSIGN_/);
    assert.doesNotMatch(clientCommands('cosign', context).join('\n'), /COSIGN_|--(fulcio|rekor|oidc)-/);
  });

  test('every client keeps its caches in the folder of this root, and only there', () => {
    for (const client of ENV_CLIENTS) {
      const variables = Object.entries(clientVariables(client, context));
      const paths = variables.filter(([, value]) => value.startsWith('/'));
      assert.ok(paths.length > 0);
      for (const [name, path] of paths) assert.ok(path.startsWith('/c/abab/'), `${client} ${name}`);
    }
  });

  test('a block is what a shell can read: comments and exports', () => {
    for (const client of ENV_CLIENTS) {
      for (const line of envBlock(client, context, 'from here').trimEnd().split('\n')) {
        assert.match(line, /^(#|export [A-Z_]+=)/);
      }
    }
  });
});

suite('kept roots', () => {
  test('each root has a folder named after its hash; a damaged copy is replaced', async () => {
    const bytes = Buffer.from('{"signed":{"_type":"root"}}');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const kept = await keepRoot(base, bytes);
    assert.equal(kept.sha256, sha256);
    assert.equal(kept.folder, join(base, sha256.slice(0, 16)));
    await writeFile(kept.path, 'damaged');
    await Promise.all([keepRoot(base, bytes), keepRoot(base, bytes)]);
    assert.deepEqual(await readFile(kept.path), bytes);
    assert.notEqual((await keepRoot(base, Buffer.from('other'))).folder, kept.folder);
  });
});

suite('user folders', () => {
  const user: UserContext = { env: {}, platform: 'linux', uid: 1000, home: '/home/u' };

  test('root has a system folder, others theirs; XDG counts when absolute; macOS has its own', () => {
    assert.equal(defaultDataDir({ ...user, uid: 0 }), '/var/lib/sigstead');
    assert.equal(defaultDataDir(user), '/home/u/.local/share/sigstead');
    assert.equal(defaultDataDir({ ...user, env: { XDG_DATA_HOME: '/x' } }), '/x/sigstead');
    assert.equal(defaultDataDir({ ...user, env: { XDG_DATA_HOME: 'rel' } }), '/home/u/.local/share/sigstead');
    assert.equal(defaultDataDir({ ...user, platform: 'darwin' }), '/home/u/Library/Application Support/sigstead');
    assert.equal(cacheDir(user), '/home/u/.cache/sigstead');
    assert.equal(cacheDir({ ...user, env: { XDG_CACHE_HOME: '/c' } }), '/c/sigstead');
  });
});

suite('commands against a server', () => {
  let server: Server;
  let url: string;
  let answer: { status: number; body: string };
  let seen: { method?: string | undefined; url?: string | undefined; type?: string | undefined; body: string };
  before(async () => {
    server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const body = Buffer.concat(parts).toString('utf8');
        seen = { method: request.method, url: request.url, type: request.headers['content-type'], body };
        response.writeHead(answer.status).end(answer.body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  const user = (): UserContext => ({
    env: { XDG_CACHE_HOME: base, XDG_DATA_HOME: base },
    platform: 'linux',
    uid: 1,
    home: base,
  });
  async function token(flags: Parameters<typeof tokenCommand>[0], stdin = ''): Promise<string> {
    let out = '';
    await tokenCommand(flags, {
      user: user(),
      stdin: (async function* () {
        yield stdin;
      })(),
      write: (text) => {
        out += text;
      },
    });
    return out;
  }

  test('token prints what the issuer gave and nothing else', async () => {
    answer = { status: 200, body: '{"token":"a.b.c"}' };
    assert.equal(await token({ issuer: 'email', email: 'a@b.c', url, lifetime: 9 }), 'a.b.c\n');
    assert.equal(seen.method, 'POST');
    assert.equal(seen.url, '/oidc/dev/token');
    assert.equal(seen.type, 'application/json');
    assert.deepEqual(JSON.parse(seen.body), { issuer: 'email', email: 'a@b.c', lifetime: 9 });
    assert.equal(await token({ issuer: 'uri', claimsFile: '-', url }, '{"sub":"x"}'), 'a.b.c\n');
    assert.deepEqual(JSON.parse(seen.body), { issuer: 'uri', claims: { sub: 'x' } });
  });

  test('token says in one line what is wrong', async () => {
    const cases: [typeof answer, RegExp][] = [
      [{ status: 400, body: '{"error_description":"no\\nway"}' }, /^the issuer refused: no way$/],
      [{ status: 200, body: '<html>' }, /is no Sigstead development instance/],
      [{ status: 404, body: '{}' }, /answered 404/],
      [{ status: 302, body: '' }, /is no Sigstead/],
    ];
    for (const [given, message] of cases) {
      answer = given;
      await assert.rejects(token({ issuer: 'email', email: 'a@b.c', url }), (error) => {
        assert.ok(error instanceof Failure);
        assert.match(error.message, message);
        return true;
      });
    }
    const gone = { issuer: 'email', email: 'a@b.c', url: 'http://127.0.0.1:1' } as const;
    await assert.rejects(token(gone), /no instance answers at http:\/\/127\.0\.0\.1:1 \(.*ECONNREFUSED/);
    await assert.rejects(
      token({ issuer: 'ci', claimsFile: '-', url }, 'not json'),
      /claims in standard input are not JSON/,
    );
    await assert.rejects(token({ issuer: 'ci', claimsFile: join(base, 'none'), url }), /cannot read the claims/);
  });

  async function env(client: (typeof ENV_CLIENTS)[number]): Promise<string> {
    let out = '';
    const programs = { sigstead: '/s', node: '/n', jsExample: '/e' };
    const write = (text: string): void => {
      out += text;
    };
    await envCommand({ client, url }, { user: user(), programs, write });
    return out;
  }

  test('env keeps the fetched root and says that it was trusted as it came; a shell can read it', async () => {
    answer = { status: 200, body: '{"signed":{"_type":"root"},"signatures":[]}' };
    const block = await env('cosign');
    assert.match(block, /trusted as it came/);
    const script = `${block}\nprintf %s "$TUF_ROOT_JSON"`;
    const path = execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
    assert.equal(await readFile(path, 'utf8'), answer.body);
    assert.equal(seen.url, '/tuf/root.json');
  });

  test('env and token know the instance of the default data folder; its root is not fetched', async () => {
    const dataDir = defaultDataDir(user());
    await mkdir(join(dataDir, 'trust'), { recursive: true });
    const instance = { format: 1, id: 'a', createdMs: 0, databaseBound: true, selfTested: true, url } as const;
    await writeInstance(dataDir, instance);
    await writeFile(join(dataDir, 'trust', 'root.json'), '{"own":1}');
    answer = { status: 200, body: '{"token":"a.b.c"}' };
    assert.equal(await token({ issuer: 'email', email: 'a@b.c' }), 'a.b.c\n');
    seen = { body: '' };
    const block = await env('go');
    assert.deepEqual(seen, { body: '' });
    assert.match(block, /read from the data folder of the instance/);
    const path = /SIGSTEAD_TUF_ROOT='?([^'\n]*)/
      .exec(block.replaceAll("'\\''", '\u0001'))?.[1]
      ?.replaceAll('\u0001', "'");
    assert.equal(await readFile(path ?? '', 'utf8'), '{"own":1}');
    await rm(dataDir, { recursive: true });
  });

  test('env refuses what is no root', async () => {
    for (const given of [
      { status: 200, body: '<html>login</html>' },
      { status: 200, body: 'null' },
      { status: 404, body: '{"signed":{"_type":"root"}}' },
    ]) {
      answer = given;
      await assert.rejects(env('js'), /serves no TUF root/);
    }
  });
});
