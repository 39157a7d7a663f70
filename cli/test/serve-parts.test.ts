import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { buildTrustedRoot } from '@sigstead/formats';
import { connectionsOf } from '../src/serve/config/connection.ts';
import { parseServeConfig, readServeConfig, type ServeConfig } from '../src/serve/config/load.ts';
import { loadMaterials } from '../src/serve/services/materials.ts';
import { openSharedTimeFloor } from '../src/serve/services/time-floor.ts';
import { trustModelOf } from '../src/serve/services/trust-model.ts';
import { mergeMetrics } from '../src/serve/workers/merge-metrics.ts';
import { makeSite, type Site } from './serve-support.ts';

let base: string;
let site: Site;
before(async () => {
  base = await mkdtemp(join(tmpdir(), 'sigstead-parts-'));
  site = await makeSite('postgresql://u@127.0.0.1:1/d');
});
after(async () => {
  await site.close();
  await rm(base, { recursive: true, force: true });
});

suite('the time of the last timestamp, shared by workers', () => {
  const open = (name: string, slot = 1) => openSharedTimeFloor({ file: join(base, name), slot });

  test('is remembered by whoever opens it next, whichever worker raised it', async () => {
    await (await open('a', 1)).raise(100);
    await (await open('a', 2)).raise(105);
    assert.equal((await open('a', 3)).startSec, 105);
  });

  test('never lowers, and keeps one name', async () => {
    const floor = await open('b');
    await floor.raise(100);
    await floor.raise(99);
    await floor.raise(100);
    await floor.raise(101);
    const names = (await readdir(base)).filter((name) => name.startsWith('b.'));
    assert.deepEqual(names, ['b.101']);
  });

  test('a worker whose clock is behind what another has stamped issues nothing', async () => {
    const behind = await open('c', 1);
    const ahead = await open('c', 2);
    await behind.raise(100);
    await ahead.raise(200);
    await assert.rejects(behind.raise(198), /another worker has stamped 2 s later/);
    // Within a second two readings of one clock may meet here in either order.
    await behind.raise(199);
    assert.equal((await open('c')).startSec, 200);
  });

  test('workers that raise at once leave the highest', async () => {
    const floors = await Promise.all(Array.from({ length: 4 }, (_, i) => open('d', i + 1)));
    for (let sec = 1; sec <= 20; sec += 1)
      await Promise.all(floors.map((floor, i) => floor.raise(100 + sec + (i % 2))));
    assert.equal((await open('d')).startSec, 121);
  });

  test('a name that holds no time is no time', async () => {
    await writeFile(join(base, 'e.99999999999999'), '');
    await writeFile(join(base, 'e.next'), '');
    assert.equal((await open('e')).startSec, undefined);
  });
});

suite('metrics of several processes', () => {
  const of = (worker: number): string =>
    `# HELP a_total A\n# TYPE a_total counter\na_total{worker="${worker}"} ${worker}\n\n# HELP b B\n# TYPE b gauge\nb{worker="${worker}"} 0\n`;

  test('lines of one metric stand together under one header', () => {
    const lines = mergeMetrics([of(1), of(2)]).split('\n');
    assert.deepEqual(lines.slice(0, 4), [
      '# HELP a_total A',
      '# TYPE a_total counter',
      'a_total{worker="1"} 1',
      'a_total{worker="2"} 2',
    ]);
    assert.equal(lines.filter((line) => line === '# TYPE b gauge').length, 1);
  });

  test('of one process they stay as they are, and of none there are none', () => {
    assert.equal(mergeMetrics([of(1)]), of(1));
    assert.equal(mergeMetrics([]), '');
  });
});

suite('the model of trust material', () => {
  async function modelOf(config: ServeConfig) {
    return trustModelOf(config.file, await loadMaterials(config));
  }

  test('is the same at every start, whatever the clock says', async (t) => {
    const config = await readServeConfig(site.configFile);
    const first = await modelOf(config);
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 86_400_000 });
    assert.deepEqual(await modelOf(config), first);
    buildTrustedRoot(first);
  });

  test('a log counts from the earliest chain, or from when the configuration says', async () => {
    const config = await readServeConfig(site.configFile);
    const model = await modelOf(config);
    const chains = [...model.certificateAuthorities, ...model.timestampAuthorities];
    const earliest = Math.min(...chains.map(({ validFor }) => validFor.startMs));
    assert.deepEqual(
      [...model.tlogs, ...model.ctlogs].map(({ validFor }) => validFor),
      [{ startMs: earliest }, { startMs: earliest }],
    );
    const text = config.text.replace('keyFile: rekor.key', 'keyFile: rekor.key, validFrom: 2020-01-01T00:00:00Z');
    const [log] = (await modelOf(parseServeConfig(text, config.path))).tlogs;
    assert.equal(log?.validFor.startMs, Date.UTC(2020, 0, 1));
  });

  test('a log that takes no entries stays trusted, and is not for new signatures', async () => {
    const config = await readServeConfig(site.configFile);
    const text = config.text.replace('keyFile: rekor.key', 'keyFile: rekor.key, readOnly: true');
    const model = await modelOf(parseServeConfig(text, config.path));
    assert.equal(model.tlogs.length, 1);
    assert.deepEqual(model.signing.rekor, []);
  });

  test('what runs elsewhere is trusted within its window, and used only when the configuration says so', async () => {
    const config = await readServeConfig(site.configFile);
    const also = `  alsoTrust:
    timestampAuthorities:
      - {url: https://t.example.org/api/v1/timestamp, chainFile: tsa.crt, validFrom: 2020-01-01T00:00:00Z, validUntil: 2021-01-01T00:00:00Z}
    certificateAuthorities:
      - {url: https://c.example.org, chainFile: ca.crt, sign: true}
`;
    const model = await modelOf(parseServeConfig(config.text + also, config.path));
    assert.deepEqual(model.timestampAuthorities[1]?.validFor, {
      startMs: Date.UTC(2020, 0, 1),
      endMs: Date.UTC(2021, 0, 1),
    });
    assert.equal(model.signing.tsa.length, 1);
    assert.deepEqual(
      model.signing.ca.map(({ url }) => url),
      [site.url, 'https://c.example.org'],
    );
  });
});

suite('passwords', () => {
  async function connection(keys: string, env: Record<string, string> = {}): Promise<string> {
    const text = await readFile(site.configFile, 'utf8');
    const config = parseServeConfig(text.replace('  migrate: never', keys), site.configFile);
    return (await connectionsOf(config, env)).serving;
  }

  test('come from the environment, whatever characters they have', async () => {
    const url = await connection('  passwordEnv: P', { P: 'a b&c=d/%@#' });
    assert.equal(new URL(url).searchParams.get('password'), 'a b&c=d/%@#');
  });

  test('or from a file, without its last line break', async () => {
    await writeFile(join(site.folder, 'pw'), 'secret \n');
    assert.equal(new URL(await connection('  passwordFile: pw')).searchParams.get('password'), 'secret ');
  });

  test('an empty variable is a missing one', async () => {
    await assert.rejects(connection('  passwordEnv: P', { P: '' }), /the environment has no P: set it/);
  });
});
