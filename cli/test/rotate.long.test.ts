import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { copyFile, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { generatePrivateKeyPem } from '@sigstead/keys';
import { freePort, type TestDatabase, testDatabase } from '@sigstead/test';
import { GENERATED } from '../src/dev/configuration.ts';
import { Failure } from '../src/failure.ts';
import { parseLog } from '../src/flags/log.ts';
import { request } from '../src/http-client.ts';
import { logCommand } from '../src/commands/log.ts';
import { LAUNCHER, run } from './running.ts';
import { entryRequest } from './serve-entries.ts';
import { Children, command, install, makeSite, type Site, stopped } from './serve-support.ts';

interface Document {
  tlogs: { baseUrl: string; publicKey: { validFor: { start: string; end?: string } } }[];
  rekorTlogUrls: { url: string }[];
}

suite('a rotation', { timeout: 240_000 }, () => {
  let database: TestDatabase;
  let site: Site;
  let newUrl: string;
  const children = new Children();
  before(async () => {
    database = await testDatabase();
    site = await makeSite(database.connectionString);
    await install(site);
    newUrl = `http://127.0.0.1:${await freePort()}`;
  });
  after(async () => {
    await children.close();
    await site.close();
    await database.drop();
  });

  async function log(...words: string[]): Promise<string> {
    let shown = '';
    const write = (text: string): void => void (shown += text);
    const [action = '', ...more] = words;
    const flags = parseLog([action, '--config', site.configFile, ...more]);
    await logCommand(flags, { env: {}, version: '0', write, writeError: () => undefined });
    return shown;
  }

  const rotate = (...words: string[]): Promise<string> => log('rotate', 'rekor', ...words);
  const prepareWords = (): string[] => [
    '--step',
    'prepare',
    '--to',
    'rekor-2',
    '--url',
    newUrl,
    '--listen',
    newUrl.slice(7),
  ];

  async function refused(done: Promise<string>, text: RegExp): Promise<void> {
    await assert.rejects(done, (error) => {
      assert.ok(error instanceof Failure, String((error as Error).stack));
      assert.match(error.message, text);
      return true;
    });
  }

  /** With the configuration as `change` makes it, which is then put back. */
  async function meanwhile<T>(change: (text: string) => string, run: () => Promise<T>): Promise<T> {
    const text = await readFile(site.configFile, 'utf8');
    await writeFile(site.configFile, change(text));
    try {
      return await run();
    } finally {
      await writeFile(site.configFile, text);
    }
  }

  async function target(name: string): Promise<Document> {
    const version = (metadata: unknown, file: string): number =>
      (metadata as { signed: { meta: Record<string, { version: number }> } }).signed.meta[file]?.version ?? 0;
    const snapshot = await json(`/${version(await json('/timestamp.json'), 'snapshot.json')}.snapshot.json`);
    const targets = (await json(`/${version(snapshot, 'targets.json')}.targets.json`)) as {
      signed: { targets: Record<string, { hashes: { sha256: string } }> };
    };
    return (await json(`/targets/${targets.signed.targets[name]?.hashes.sha256}.${name}`)) as Document;
  }

  async function json(path: string): Promise<unknown> {
    const { status, bytes } = await request(`${site.url}/tuf${path}`);
    assert.equal(status, 200, path);
    return JSON.parse(bytes.toString('utf8'));
  }

  /** URLs of the trusted root, those that have ended in brackets, and of the signing config. */
  async function published(): Promise<string> {
    const short = (url: string): string => (url === site.url ? 'old' : url === newUrl ? 'new' : url);
    const { tlogs } = await target('trusted_root.json');
    const { rekorTlogUrls } = await target('signing_config.v0.2.json');
    const listed = tlogs.map(({ baseUrl, publicKey: { validFor } }) =>
      validFor.end === undefined ? short(baseUrl) : `(${short(baseUrl)})`,
    );
    return `${listed.join(' ')} | ${rekorTlogUrls.map(({ url }) => short(url)).join(' ')}`;
  }

  const post = async (url: string): Promise<{ status: number; text: string }> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await request(`${url}/api/v2/log/entries`, { method: 'POST', headers, body: entryRequest() });
    return { status: answer.status, text: answer.bytes.toString('utf8') };
  };

  /** Starts the step in a process of its own and kills it at some moment; it may be through by then. */
  async function killed(words: readonly string[], afterMs: number): Promise<void> {
    const spawned = run(LAUNCHER, ['log', 'rotate', '--config', site.configFile, ...words, 'rekor']);
    const timer = delay(afterMs, undefined, { ref: false });
    await Promise.race([timer, spawned.ended]);
    spawned.child.kill('SIGKILL');
    await spawned.ended;
  }

  test('shows where it is and what comes next, and changes nothing by that; another step than the next is refused', async () => {
    const before = await readdir(site.folder);
    const shown = await rotate();
    assert.match(
      shown,
      /^rekor \(http:\/\/localhost:\d+\)\n {2}prepare +-\n {2}create +-\n {2}publish +-\n {2}switch +-\n {2}freeze +-\n/,
    );
    assert.match(shown, /\nNext, .*\n {2}sigstead log rotate --config \S+ --step prepare --to NAME --url URL rekor\n$/);
    for (const step of ['create', 'publish', 'switch']) {
      await refused(rotate('--step', step), new RegExp(`^prepare comes next, not ${step}$`));
    }
    await refused(rotate('--step', 'freeze', '--confirm', 'rekor'), /^prepare comes next, not freeze$/);
    await refused(log('rotate', 'ct'), /ct is a ct log: .*ca\.ct\.log/);
    await refused(log('rotate', 'other'), /logs has none named "other"/);
    await meanwhile(
      (text) => `${GENERATED}, which …\n${text}`,
      () => refused(rotate(), /is written anew at every start of sigstead dev, which has one log/),
    );
    assert.deepEqual(await readdir(site.folder), before);
  });

  test('prepare refuses what cannot become a shard, and then has made nothing', async () => {
    const text = await readFile(site.configFile, 'utf8');
    const as = (to: string, url: string, ...more: string[]): Promise<string> =>
      rotate('--step', 'prepare', '--to', to, '--url', url, ...more);
    await refused(
      as('rekor-2', `http://localhost:${await freePort()}`),
      /--url: localhost is the origin of the log that ends/,
    );
    await refused(as('rekor-2', `${newUrl}/path`), /logs\[1\]\.publicUrl .*must have no path/);
    await refused(as('ct', newUrl), /logs has one named ct already/);
    await refused(as('Rekor', newUrl), /--to must be a name of lower-case letters/);
    await refused(as('rekor-2', '127.0.0.1'), /--url must be a URL/);
    await refused(as('rekor-2', newUrl, '--listen', '127.0.0.1'), /--listen must be HOST:PORT/);
    await refused(
      as('rekor-2', newUrl, '--listen', `127.0.0.1:${new URL(site.url).port}`),
      /logs\[1\]\.listen .*overlaps with/,
    );
    const flow = (yaml: string): string => yaml.replace(/^logs:\n {2}- (.*)\n {2}- (.*)\n/m, 'logs: [$1, $2]\n');
    await meanwhile(flow, () =>
      refused(rotate(...prepareWords(), '--write'), /not written one below the other: add the lines by hand/),
    );
    await copyFile(join(site.folder, 'rekor.key'), join(site.folder, 'rekor-2.key.pem'));
    await refused(rotate(...prepareWords()), /the key of rekor-2 is that of log rekor/);
    await writeFile(join(site.folder, 'rekor-2.key.pem'), 'no key');
    await refused(rotate(...prepareWords()), /rekor-2\.key\.pem is there and cannot be used as a key/);
    await rm(join(site.folder, 'rekor-2.key.pem'));
    assert.equal(await readFile(site.configFile, 'utf8'), text);
    assert.deepEqual(
      (await readdir(site.folder)).filter((name) => name.includes('rekor-2')),
      [],
    );
  });

  test('prepare makes a key for its owner alone and shows the lines, or writes them; a key that is there is kept', async () => {
    const before = await readFile(site.configFile, 'utf8');
    const keyFile = join(site.folder, 'rekor-2.key.pem');
    await killed([...prepareWords(), '--write'], 600);
    await writeFile(site.configFile, before);
    const shown = await rotate(...prepareWords());
    assert.match(shown, /Put this into .*--write does it\):\n\n {2}- name: rekor-2\n {4}kind: rekor-v2\n/);
    assert.equal(await readFile(site.configFile, 'utf8'), before);
    const key = await readFile(keyFile, 'utf8');
    assert.equal((await stat(keyFile)).mode & 0o777, 0o600);
    await rotate(...prepareWords(), '--write');
    assert.equal(await readFile(keyFile, 'utf8'), key);
    const written = await readFile(site.configFile, 'utf8');
    const [old = '', ct = ''] = before.split(/(?=^ {2}- \{name: ct)/m);
    const lines = `  - name: rekor-2
    kind: rekor-v2
    listen: "${newUrl.slice(7)}"
    publicUrl: "${newUrl}"
    follows: rekor
    keyFile: rekor-2.key.pem
`;
    assert.equal(written, old + lines + ct, 'nothing else of the file has changed');
    assert.match(await rotate(...prepareWords(), '--write'), /^prepare is done already\n/);
    assert.equal(await readFile(site.configFile, 'utf8'), written);
    assert.equal((await command('config', 'check', site.configFile)).code, 0);
    const taken = `  alsoTrust:\n    rekorLogs:\n      - {url: "http://127.0.0.1:9", publicKeyFile: other.pub.pem}\n`;
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' });
    await writeFile(join(site.folder, 'other.pub.pem'), other);
    const check = await meanwhile(
      (text) => text + taken,
      () => command('config', 'check', site.configFile),
    );
    assert.deepEqual([check.code, check.output.includes('another Rekor v2 log has the origin 127.0.0.1')], [1, true]);
  });

  test('create makes the log once, also when it was killed on the way; clients hear nothing of it', async () => {
    await killed(['--step', 'create'], 900);
    assert.match(
      await rotate('--step', 'create'),
      /log rekor-2 \(rekor-v2\) is there, with 1 entry\n|create is done already\n/,
    );
    assert.match(await rotate('--step', 'create'), /^create is done already\n/);
    assert.match(await log('list'), /^rekor-2 +rekor-v2 +127\.0\.0\.1 +1 +active +1$/m);
    const serving = await children.serve(site, '--workers', '1');
    assert.equal(await published(), 'old | old', 'not by a start that finds it in the configuration either');
    await stopped(serving);
    await meanwhile(
      (text) => text.replace('    follows: rekor\n', ''),
      async () => {
        const { code, output } = await command('serve', '--config', site.configFile, '--workers', '1');
        assert.equal(code, 1);
        assert.match(output, /log rekor-2 of .* is not published yet, follows no log, .*"follows: rekor"/);
      },
    );
  });

  test('nothing is published of a log that does not answer, without the targets key, or without the database', async () => {
    await refused(rotate('--step', 'publish'), /log rekor-2 does not answer at .*: start or restart sigstead serve/);
    const withoutTargets = (text: string): string => text.replace('root: root.key, targets: targets.key, ', '');
    await meanwhile(withoutTargets, () =>
      refused(rotate('--step', 'publish', '--no-probe'), /tuf\.keys has no targets key/),
    );
    const keyFile = join(site.folder, 'rekor-2.key.pem');
    const key = await readFile(keyFile);
    // As on a machine where the same log was prepared once more.
    await writeFile(keyFile, generatePrivateKeyPem('ecdsa-p256-sha256'));
    for (const step of [['--step', 'create'], ['--step', 'publish', '--no-probe'], []]) {
      await refused(rotate(...step), /log rekor-2 in the database has another key than \S+rekor-2\.key\.pem/);
    }
    await writeFile(keyFile, key);
    const moved = (text: string): string => text.replace(`publicUrl: "${newUrl}"`, 'publicUrl: "http://127.0.0.9:1"');
    await meanwhile(moved, () =>
      refused(rotate('--step', 'publish', '--no-probe'), /log rekor-2 in the database has the origin 127\.0\.0\.1, /),
    );
    const away = (text: string): string => text.replace(/port=\d+/, 'port=1');
    await meanwhile(away, () => refused(rotate('--step', 'publish', '--no-probe'), /^database: /));
    const elsewhere = (text: string): string =>
      text.replace(/^ {2}- name: rekor-2\n[\s\S]*?(?= {2}- \{name: ct)/m, (section) =>
        section.replaceAll(newUrl, site.url.replace('localhost', '127.0.0.1')),
      );
    const serving = await children.serve(site, '--workers', '2');
    // Another log answers at that address.
    await meanwhile(elsewhere, () => refused(rotate('--step', 'publish'), /what answers at .* is not log rekor-2/));
    assert.equal(await published(), 'old | old');
    await stopped(serving);
  });

  test('publish, switch and freeze take effect once, at every worker, however often they are killed, done twice or at once', async () => {
    const serving = await children.serve(site, '--workers', '2');
    const state = new Set<string>();
    const step = async (words: readonly string[], from: string, to: string): Promise<void> => {
      await killed(words, 900);
      state.add(await published());
      const both = await Promise.allSettled([rotate(...words), rotate(...words)]);
      for (const each of both) {
        if (each.status === 'rejected')
          assert.match(String(each.reason), /another sigstead log rotate is at work on rekor/);
      }
      assert.ok(both.some(({ status }) => status === 'fulfilled'));
      assert.equal(await published(), to);
      assert.match(await rotate(...words), / is done already\n/);
      for (const each of state) assert.ok([from, to].includes(each), each);
      state.clear();
    };
    await step(['--step', 'publish'], 'old | old', 'old new | old');
    await refused(
      rotate('--step', 'switch'),
      /too early: until \S+ clients that have the trusted root of before .*\(here 7d\)/,
    );
    await refused(rotate('--step', 'freeze', '--wait', '0', '--confirm', 'rekor'), /^switch comes next, not freeze$/);
    await step(['--step', 'switch', '--wait', '0'], 'old new | old', 'old new | new');
    assert.equal(
      (await post(site.url)).status,
      201,
      'clients with the signing config of before still write to the old one',
    );
    await refused(rotate('--step', 'freeze', '--confirm', 'rekor'), /too early: .* still write to the old log/);
    await refused(rotate('--step', 'freeze', '--wait', '0'), /freezing rekor is for ever: .* add --confirm rekor/);
    await refused(rotate('--step', 'freeze', '--wait', '0', '--confirm', 'ct'), /--confirm names another log \(ct\)/);
    assert.equal((await post(site.url)).status, 201, 'asking has frozen nothing');
    const freezing = ['--step', 'freeze', '--wait', '0', '--confirm', 'rekor'];
    const withoutTargets = (yaml: string): string => yaml.replace('root: root.key, targets: targets.key, ', '');
    await meanwhile(withoutTargets, () => refused(rotate(...freezing), /tuf\.keys has no targets key/));
    assert.equal((await post(site.url)).status, 201, 'nothing is frozen where its window cannot be ended');
    const beforeMs = Date.now();
    await step(freezing, 'old new | new', '(old) new | new');
    const [{ publicKey } = assert.fail()] = (await target('trusted_root.json')).tlogs;
    assert.ok(
      Date.parse(publicKey.validFor.end ?? '') >= beforeMs + 86_400_000,
      'a timestamp may come after the entry',
    );
    const text = 'This log has been frozen, please switch to the latest log.\n';
    assert.deepEqual(await post(site.url), { status: 405, text });
    assert.match((await request(`${site.url}/checkpoint`)).bytes.toString(), /^localhost\n\d+\n[^\n]+\nLog frozen — /);
    assert.equal((await post(newUrl)).status, 201);
    assert.match(await rotate(), /The rotation is over\./);
    await stopped(serving);
  });

  test('a window that a freeze left open is ended by the next try, without waiting', async () => {
    const shown = await log(
      'rotate',
      'rekor-2',
      '--step',
      'prepare',
      '--to',
      'rekor-3',
      '--url',
      'http://127.0.0.3:1',
      '--listen',
      '127.0.0.3:1',
      '--write',
    );
    assert.match(shown, /^rekor-2 -> rekor-3/m);
    const next = (...words: string[]): Promise<string> => log('rotate', 'rekor-2', ...words);
    await next('--step', 'create');
    await next('--step', 'publish', '--no-probe');
    await next('--step', 'switch', '--no-probe', '--wait', '0');
    await log('freeze', 'rekor-2', '--confirm', 'rekor-2');
    assert.match(await next(), /freeze +half done: frozen|freeze +from /);
    await next('--step', 'freeze', '--confirm', 'rekor-2');
    assert.match(await next(), /The rotation is over\./);
    const again = ['--step', 'prepare', '--to', 'rekor-4', '--url', 'http://127.0.0.4:1'];
    assert.match(await next(...again), /^prepare is done already\n/);
    await site.rewrite(/^ {2}- name: rekor-3\n[\s\S]*?(?= {2}- \{name: ct)/m, '');
  });

  test('a copy of the configuration that lacks a published log does not start, and one in which it counts later neither', async () => {
    const { code, output } = await command('serve', '--config', site.configFile, '--workers', '1');
    assert.equal(code, 1);
    assert.match(
      output,
      /the published trust root names the log at http:\/\/127\.0\.0\.3:1, whose key is nowhere in .*copy its section and key file/,
    );
    const also = `  alsoTrust:\n    rekorLogs:\n      - {url: "http://127.0.0.3:1", publicKeyFile: rekor-3.pub.pem, sign: true}\n`;
    const pem = createPublicKey(await readFile(join(site.folder, 'rekor-3.key.pem'), 'utf8')).export({
      type: 'spki',
      format: 'pem',
    });
    await writeFile(join(site.folder, 'rekor-3.pub.pem'), pem);
    await meanwhile(
      (text) =>
        text.replace('    follows: rekor\n', '    follows: rekor\n    validFrom: 2099-01-01T00:00:00Z\n') + also,
      async () => {
        const later = await command('serve', '--config', site.configFile, '--workers', '1');
        assert.equal(later.code, 1);
        assert.match(later.output, /would start at 2099-01-01/);
      },
    );
  });

  test('without a trust root here, the lines for the one elsewhere are shown, and the rest is done', async () => {
    const withoutTuf = (text: string): string => text.replace(/^tuf:\n[\s\S]*/m, '');
    await meanwhile(withoutTuf, async () => {
      assert.match(await rotate(), /publish +elsewhere: this configuration has no tuf/);
      const shown = await rotate('--step', 'publish');
      assert.match(
        shown,
        /publicKeyFile: rekor-2\.pub\.pem\n +validFrom: \S+Z\n +sign: false\n[\s\S]*-----BEGIN PUBLIC KEY-----/,
      );
      assert.match(await rotate('--step', 'switch'), /sign: false\n[\s\S]*sign: true\n/);
    });
  });
});
