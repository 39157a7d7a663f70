import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { generatePrivateKeyPem } from '@sigstead/keys';
import { newSection } from '../src/commands/rotate/lines.ts';
import { Failure } from '../src/failure.ts';
import { parseServeConfig } from '../src/serve/config/load.ts';
import type { LogFile } from '../src/serve/config/sections.ts';
import { basePathOf } from '../src/serve/config/shard-rules.ts';
import { logSpec } from '../src/serve/services/logs.ts';
import { loadMaterials } from '../src/serve/services/materials.ts';

const LISTEN = 'listen: 127.0.0.1:1';

function text(logs: string, more = ''): string {
  return `version: 1\nstateFolder: s\ndatabase: {url: postgresql://u@h/d}\nlogs:\n${logs}${more}`;
}

/** A Rekor v2 log of this name on its own host, at the one listener. */
function shard(name: string, more = ''): string {
  return `  - {name: ${name}, kind: rekor-v2, ${LISTEN}, publicUrl: https://${name}.example.org, keyFile: ${name}.key${more}}\n`;
}

function ct(path: string, more = ''): string {
  return `  - {name: ct, kind: ct, ${LISTEN}, publicUrl: https://ct.example.org${path}, keyFile: ct.key, acceptedRootsFile: r${more}}\n`;
}

function logsOf(yaml: string): LogFile[] {
  return parseServeConfig(yaml, '/etc/x.yaml').file.logs;
}

function refused(yaml: string): string {
  try {
    parseServeConfig(yaml, '/etc/x.yaml');
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    return error.message;
  }
  return assert.fail(`accepted: ${yaml}`);
}

const DEVELOPMENT = 'mode: development\ndevOidc: {listen: 127.0.0.1:2, publicUrl: http://localhost:2, keyFile: o}\n';

suite('shards in the configuration', () => {
  test('Rekor v2 logs share a listener below paths of their own', () => {
    const logs = logsOf(
      text(
        shard('a') +
          shard('b', ', basePath: /b, follows: a') +
          shard('c', ', basePath: /c/2, follows: b') +
          ct('/ct/1'),
      ),
    );
    assert.deepEqual(logs.slice(0, 3).map(basePathOf), ['', '/b', '/c/2']);
  });

  test('in development a path of the URL is the base path, since there is no proxy; the origin is the host alone', () => {
    const [, b] = logsOf(text(shard('a') + shard('b').replace('b.example.org', 'b.example.org/two'), DEVELOPMENT));
    assert.equal(basePathOf(b ?? assert.fail()), '/two');
  });

  const cases: [rule: string, yaml: string, message: RegExp][] = [
    ['two logs at the root of one listener', shard('a') + shard('b'), /logs\[1\]\.listen .*same paths as logs\[0\]/],
    [
      'two logs at one base path',
      shard('a', ', basePath: /x') + shard('b', ', basePath: /x'),
      /logs\[1\]\.listen .*same paths/,
    ],
    [
      'a base path below another',
      shard('a', ', basePath: /x') + shard('b', ', basePath: /x/tile'),
      /logs\[1\]\.listen .*answer below logs\[0\]/,
    ],
    [
      'a base path that is a ct log’s',
      shard('a', ', basePath: /logs/1') + ct('/logs/1'),
      /logs\[1\]\.listen .*answer below logs\[0\]/,
    ],
    [
      'a base path around a ct log',
      shard('a', ', basePath: /logs') + ct('/logs/1'),
      /logs\[1\]\.listen .*answer below logs\[0\]/,
    ],
    ...[
      '/api',
      '/api/x',
      '/tile',
      '/checkpoint/x',
      '/ct',
      '/healthz',
      '/oidc',
      'x',
      '/',
      '/x/',
      '/x//y',
      '/x/../y',
      '/%41',
      '/a b',
      '',
    ].map((path): [string, string, RegExp] => [
      `base path ${JSON.stringify(path)}`,
      shard('a', `, basePath: ${JSON.stringify(path)}`),
      /logs\[0\]\.basePath .*must be a path such as \/rekor-2027/,
    ]),
    [
      'a path in the URL, in production',
      shard('a').replace('a.example.org', 'a.example.org/x'),
      /logs\[0\]\.publicUrl .*must have no path: .*origin .*basePath/,
    ],
    [
      'a base path beside another in the URL',
      shard('a', ', basePath: /y').replace('a.example.org', 'a.example.org/x') + DEVELOPMENT,
      /logs\[0\]\.basePath .*is not the path of publicUrl/,
    ],
    ['a base path of a ct log', ct('/1', ', basePath: /x'), /logs\[0\]\.basePath .*kind rekor-v2 only/],
    [
      'two shards of one host name, on two ports',
      shard('a') + shard('b', ', basePath: /b').replace('b.example.org', 'a.example.org:8443'),
      /logs\[1\]\.publicUrl .*same origin as logs\[0\]/,
    ],
    ['a follower of nobody', shard('a', ', follows: z'), /logs\[0\]\.follows .*no log of kind rekor-v2 is named z/],
    ['a follower of itself', shard('a', ', follows: a'), /logs\[0\]\.follows .*round in a circle/],
    [
      'followers in a circle',
      shard('a', ', follows: b') + shard('b', ', basePath: /b, follows: a'),
      /follows .*round in a circle/,
    ],
    [
      'two followers of one log',
      shard('a') + shard('b', ', basePath: /b, follows: a') + shard('c', ', basePath: /c, follows: a'),
      /logs\[2\]\.follows .*logs\[1\] follows a already/,
    ],
    [
      'a follower of a ct log',
      ct('/1') + shard('a', ', follows: ct'),
      /logs\[1\]\.follows .*no log of kind rekor-v2 is named ct/,
    ],
    ['a ct log that follows', shard('a') + ct('/1', ', follows: a'), /logs\[1\]\.follows .*kind rekor-v2 only/],
    [
      'a further signer of a ct log',
      ct('/1', ', alsoSign: [{keyFile: k}]'),
      /logs\[0\]\.alsoSign .*kind rekor-v2 only/,
    ],
    [
      'a further signer with the key of the log',
      shard('a', ', alsoSign: [{keyFile: a.key}]'),
      /alsoSign\[0\]\.keyFile .*is also logs\[0\]\.keyFile/,
    ],
    [
      'a further signer twice',
      shard('a', ', alsoSign: [{keyFile: k}, {keyFile: k}]'),
      /alsoSign\[1\]\.keyFile .*is also logs\[0\]\.alsoSign\[0\]/,
    ],
    [
      'a further signer of two logs',
      shard('a', ', alsoSign: [{keyFile: k}]') + shard('b', ', basePath: /b, alsoSign: [{keyFile: k}]'),
      /logs\[1\]\.alsoSign\[0\]\.keyFile .*is also/,
    ],
    [
      'a name that no line can carry',
      shard('a', ', alsoSign: [{keyFile: k, name: a+b}]'),
      /alsoSign\[0\]\.name .*without white space and plus/,
    ],
    [
      'too many further signers',
      shard('a', `, alsoSign: [${Array.from({ length: 9 }, (_, i) => `{keyFile: k${i}}`).join()}]`),
      /logs\[0\]\.alsoSign .*0 to 8/,
    ],
  ];
  for (const [rule, yaml, message] of cases)
    test(`${rule} is refused`, () => assert.match(refused(text(yaml)), message));
});

suite('the keys of further signers', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sigstead-keys-'));
    const key = (name: string, kind: 'ecdsa-p256-sha256' | 'ed25519'): Promise<void> =>
      writeFile(join(folder, name), generatePrivateKeyPem(kind));
    await Promise.all([
      key('a.key', 'ecdsa-p256-sha256'),
      key('b.key', 'ecdsa-p256-sha256'),
      key('one', 'ed25519'),
      key('two', 'ed25519'),
    ]);
    await copyFile(join(folder, 'one'), join(folder, 'copy'));
    await copyFile(join(folder, 'a.key'), join(folder, 'a-copy.key'));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  const at = (logs: string) => parseServeConfig(text(logs), join(folder, 'x.yaml'));

  test('are given to the log in the configured order, with their names', async () => {
    const config = at(shard('a', ', alsoSign: [{keyFile: two}, {keyFile: one, name: other.example.org}]'));
    const materials = await loadMaterials(config);
    const spec = logSpec(config, materials, config.file.logs[0] ?? assert.fail());
    assert.deepEqual(
      spec.alsoSign?.map(({ name, signer }) => [name, signer.algorithm]),
      [
        [undefined, 'ed25519'],
        ['other.example.org', 'ed25519'],
      ],
    );
    assert.deepEqual(spec.basePaths, ['']);
  });

  test('must be Ed25519, and no key may be in two files', async () => {
    const load = (logs: string) => loadMaterials(at(logs));
    await assert.rejects(
      load(shard('a', ', alsoSign: [{keyFile: b.key}]')),
      /alsoSign\[0\]\.keyFile: holds a key for ecdsa-p256-sha256: .*Ed25519/,
    );
    await assert.rejects(
      load(shard('a', ', alsoSign: [{keyFile: one}, {keyFile: copy}]')),
      /alsoSign\[1\]\.keyFile: holds the same key as logs\[0\]\.alsoSign\[0\]/,
    );
    const twice = shard('a') + shard('b', ', basePath: /b').replace('b.key', 'a-copy.key');
    await assert.rejects(load(twice), /logs\[1\]\.keyFile: holds the same key as logs\[0\]\.keyFile/);
  });
});

suite('the section of a new shard', () => {
  test('takes over the settings of the old one as they are written, with what is its own', async () => {
    const example = await readFile(new URL('../examples/sigstead.yaml', import.meta.url), 'utf8');
    const { logs } = parseServeConfig(example, '/etc/x.yaml').file;
    const old = logs.find(({ name }) => name === 'rekor-2026') ?? assert.fail();
    const written = {
      export: { folder: '/tiles/rekor-2026', intervalMs: 500 },
      duplicates: 'conflict',
      readOnly: true,
      validFrom: '2026-01-01T00:00:00Z',
      alsoSign: [{ keyFile: 'k' }],
      follows: 'rekor-2025',
    };
    const wanted = { name: 'rekor-2027', url: 'https://log2027.rekor.example.org', listen: undefined };
    const { lines, keyFile, notes } = newSection(old, written, wanted, logs);
    assert.deepEqual(lines, [
      'name: rekor-2027',
      'kind: rekor-v2',
      'listen: "127.0.0.1:3000"',
      'basePath: /rekor-2027',
      'publicUrl: "https://log2027.rekor.example.org"',
      'follows: rekor-2026',
      'keyFile: keys/rekor-2027.key.pem',
      'export: {"folder":"/tiles/rekor-2027","intervalMs":500}',
      'duplicates: conflict',
    ]);
    assert.equal(keyFile, 'keys/rekor-2027.key.pem');
    assert.equal(notes.length, 1);
    assert.match(notes[0] ?? '', /^alsoSign: /);
  });

  test('a listener of its own needs no base path, and a place that does not carry the name is not guessed', () => {
    const logs = logsOf(text(shard('a')));
    const wanted = { name: 'b', url: 'https://b.example.org', listen: { host: '::', port: 9 } };
    const { lines, notes } = newSection(logs[0] ?? assert.fail(), { export: { folder: '/tiles' } }, wanted, logs);
    assert.ok(lines.includes('listen: "[::]:9"'));
    assert.ok(!lines.some((line) => /^(?:basePath|export):/.test(line)));
    assert.match(notes.join(), /export: give the new log a place of its own/);
  });
});
