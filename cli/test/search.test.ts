import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Pool } from '@sigstead/platform';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import { parseCommandLine } from '../src/command-line.ts';
import { searchCommand } from '../src/commands/search.ts';
import { Failure } from '../src/failure.ts';
import { request } from '../src/http-client.ts';
import { signOnce } from '../src/self-test/index.ts';
import type { UserContext } from '../src/user-dirs.ts';
import { LAUNCHER, run, type Spawned } from './running.ts';
import { install, makeSite, serve, type Site } from './serve-support.ts';

/** Whom the self-test signs as. */
const EMAIL = 'self-test@sigstead.invalid';

/** One command line in this process. */
async function searching(...words: string[]): Promise<{ code: number; output: string }> {
  let output = '';
  const write = (text: string): void => {
    output += text;
  };
  const user = { env: {}, platform: 'linux', home: '/nowhere', isRoot: false } as unknown as UserContext;
  try {
    const line = parseCommandLine(['search', ...words]);
    if (line.command !== 'search') throw new TypeError('another command');
    await searchCommand(line.flags, { user, env: {}, write, writeError: write, nowMs: () => Date.now() });
    return { code: 0, output };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { code: error.exitCode, output: `${output}${error.message}\n` };
  }
}

/** Until the condition holds. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

suite('sigstead search, from its command line', () => {
  const bad: [string, RegExp][] = [
    ['search', /say what to do: find, status, rebuild/],
    ['search look', /say what to do/],
    ['search find', /say what to look for: --hash, --file, --identity, --issuer, --public-key, --certificate/],
    ['search find --identity', /--identity needs a value/],
    ['search find --identity a b', /unexpected "b"/],
    ['search find --hash a --file b', /--hash or --file, not both/],
    ['search find --identity a --limit 0', /--limit must be a whole number/],
    ['search find --identity a --from -1', /--from/],
    ['search find --identity a --url ftp://x', /--url must be like/],
    ['search find --identity a --colour red', /unknown option "--colour"/],
    ['search status --log x', /name --config FILE/],
    ['search status --config f', /name the log: --log NAME/],
    ['search rebuild --config f --log x --all=yes', /--all takes no value/],
    ['search rebuild --config f --log x more', /unexpected "more"/],
    ['search status --config f --log x --sample 1000001', /--sample must be a whole number/],
  ];
  for (const [line, text] of bad) {
    test(`"${line}" is refused with its reason`, () => {
      assert.throws(
        () => parseCommandLine(line.split(' ')),
        (error) => error instanceof Failure && error.exitCode === 2 && text.test(error.message),
      );
    });
  }

  test('a log below a path is asked there', () => {
    const line = parseCommandLine(['search', 'find', '--identity', 'a', '--url', 'https://log.example.org/2026/']);
    assert.ok(line.command === 'search' && line.flags.action === 'find');
    assert.equal(line.flags.url, 'https://log.example.org/2026');
  });
});

suite('sigstead search, on a site', { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let pool: Pool;
  let site: Site;
  let servers: Spawned;
  let keyFile: string;
  before(async () => {
    database = await testDatabase();
    pool = database.pool({ max: 2 });
    site = await makeSite(database.connectionString);
    await install(site);
    servers = await serve(site, '--workers', '2');
    const key = createPublicKey(await readFile(join(site.folder, 'rekor.key')));
    keyFile = join(site.folder, 'rekor.pub.pem');
    await writeFile(keyFile, key.export({ type: 'spki', format: 'pem' }));
    const initialRoot = (await request(`${site.url}/tuf/1.root.json`)).bytes;
    await signOnce({
      publicUrl: site.url,
      localUrl: site.url,
      initialRoot,
      token: (email) => site.oidc.token({ issuer: 'email', email, lifetimeSeconds: 60 }),
    });
  });
  after(async () => {
    servers.child.kill('SIGKILL');
    await servers.ended;
    await site.close();
    await database.drop();
  });

  const find = (...terms: string[]): ReturnType<typeof searching> => searching('find', '--url', site.url, ...terms);
  const on = (log: string, ...words: string[]): ReturnType<typeof searching> =>
    searching(...words, '--config', site.configFile, '--log', log);
  const onLog = (...words: string[]): ReturnType<typeof searching> => on('rekor', ...words);

  test("find prints what was signed on the site, proven with the log's key", async () => {
    const { code, output } = await find('--identity', EMAIL.toUpperCase(), '--key', keyFile);
    assert.equal(code, 0, output);
    assert.match(output, new RegExp(`^1  sha256:[0-9a-f]{64}  ${EMAIL}  ${site.oidc.issuerUrl('email')}$`, 'm'));
    assert.match(output, /1 entry, proven under the checkpoint of size 2, its signature verified/);
    const [, hash = ''] = /(sha256:[0-9a-f]{64})/.exec(output) ?? [];
    const json = await find('--hash', hash, '--issuer', site.oidc.issuerUrl('email'), '--json');
    assert.equal((JSON.parse(json.output.split('\n')[0] ?? '') as { logIndex: string }).logIndex, '1');
  });

  test('find says when there is nothing, when the key is another one, and when the log refuses', async () => {
    const none = await find('--identity', 'nobody@example.org');
    assert.equal(none.code, 0, none.output);
    assert.match(none.output, /^0 entries, proven under the checkpoint of size 2, its signature not checked$/m);
    const other = join(site.folder, 'other.pem');
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeFile(other, publicKey.export({ type: 'spki', format: 'pem' }));
    const forged = await find('--identity', EMAIL, '--key', other);
    assert.equal(forged.code, 1);
    assert.match(forged.output, /the answer does not hold/);
    assert.match((await find('--hash', 'abc')).output, /hash is not sha256:/);
    assert.match((await find('--certificate', other)).output, /holds no certificate/);
    assert.match((await find('--public-key', join(site.folder, 'nowhere'))).output, /cannot read the public key/);
    const byKey = await find('--public-key', other);
    assert.match(byKey.output, /0 entries/);
  });

  test('status tells what can be found, and fails where rows are gone', async () => {
    const fine = await onLog('status');
    assert.equal(fine.code, 0, fine.output);
    assert.match(
      fine.output,
      /log rekor: 2 of 2 entries are searchable\n {2}compared: 2 batches, \d+ rows, 0 batches lack some/,
    );
    await pool.query(
      'set session_replication_role = replica; delete from log.search_keys where first_index = 1; reset session_replication_role',
    );
    const lacking = await onLog('status');
    assert.equal(lacking.code, 1);
    assert.match(lacking.output, /rows of the batch at entry 1 are missing: sigstead search rebuild .* --all/);
    assert.equal((await onLog('rebuild', '--all')).code, 0);
    assert.equal((await onLog('status')).code, 0);
    assert.match((await on('ct', 'status')).output, /only Rekor v2 logs/);
    assert.match((await on('no', 'status')).output, /there is no log "no"/);
  });

  test('a rebuild that is killed has stored whole pages or nothing; the next one goes on', async () => {
    await pool.query('truncate log.search_keys, log.search_batches, log.search_rebuilt');
    const blocker = await pool.connect();
    let killed: Spawned | undefined;
    try {
      // Keys are written, what says so waits for this lock.
      await blocker.query('begin; lock table log.search_rebuilt in share mode');
      killed = run(LAUNCHER, ['search', 'rebuild', '--config', site.configFile, '--log', 'rekor']);
      await until('the rebuild waits', async () => {
        const { rows } = await pool.query(
          "select 1 from pg_stat_activity where datname = current_database() and application_name = 'sigstead-search' and wait_event_type = 'Lock'",
        );
        return rows.length > 0;
      });
      killed.child.kill('SIGKILL');
      await killed.ended;
    } finally {
      killed?.child.kill('SIGKILL');
      await blocker.query('commit').finally(() => blocker.release());
    }
    assert.match((await find('--identity', EMAIL)).output, /0 entries.*; some entries of the log cannot be searched/);
    await until('its lock is given up', async () => (await onLog('rebuild')).code === 0);
    assert.match((await find('--identity', EMAIL)).output, /1 entry, .*not checked\n/);
    const rebuilt = await onLog('rebuild');
    assert.match(rebuilt.output, /log rekor: nothing was missing; it had 2 entries at the start/);
  });
});
