import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { resolveIssuers, issuersFromFile } from '@sigstead/ca';
import { Closables } from '@sigstead/platform';
import { withoutPassword, writeConfiguration } from '../src/dev/configuration.ts';
import type { Database } from '../src/dev/database.ts';
import { type Ground, prepareGround } from '../src/dev/ground.ts';
import { prepareKeys } from '../src/dev/keys.ts';
import { prepareMarks } from '../src/dev/marks.ts';
import { Failure } from '../src/failure.ts';
import { connectionsOf } from '../src/serve/config/connection.ts';
import { readServeConfig } from '../src/serve/config/load.ts';
import { loadMaterials } from '../src/serve/services/materials.ts';
import { openSharedTimeFloor } from '../src/serve/services/time-floor.ts';
import { trustModelOf } from '../src/serve/services/trust-model.ts';
import { command } from './serve-support.ts';

let base: string;
const open = new Closables();
before(async () => {
  base = await mkdtemp(join(tmpdir(), 'sigstead-generated-'));
});
after(async () => {
  await open.close();
  await rm(base, { recursive: true, force: true });
});

function groundOf(name: string, flags: Record<string, unknown> = {}): Promise<Ground> {
  const user = { env: { DATABASE_URL: 'postgresql://x@h/d' }, platform: 'linux', uid: 1000, home: base } as const;
  const io = { user, writeError: () => undefined };
  return prepareGround({ ephemeral: false, port: 0, data: join(base, name), ...flags }, io, open);
}

function databaseAt(connectionString: string): Database {
  const lost = new Promise<void>(() => undefined);
  return { connectionString, isOwn: true, lost, close: async () => undefined };
}

suite('the configuration that a development instance runs', () => {
  test('is a file that serve takes as it stands, with every key and chain that it names', async () => {
    const ground = await groundOf('whole');
    await prepareKeys({ dataDir: ground.folder.path, createdMs: ground.instance.createdMs, mayMake: true });
    const { config } = await writeConfiguration(ground, databaseAt('postgresql://me@db.example.org/d'));
    const read = await readServeConfig(join(ground.folder.path, 'serve.yaml'));
    assert.deepEqual(read.file, config.file);
    const { code, output } = await command('config', 'check', read.path);
    assert.equal(code, 0, output);
    assert.deepEqual(
      resolveIssuers(issuersFromFile(config.file.ca?.issuers ?? assert.fail())).map(({ url }) => url),
      ['/oidc', '/oidc/uri', '/oidc/ci'].map((path) => ground.publicUrl + path),
    );
  });

  test('serves the log over gRPC where that was asked for', async () => {
    const without = await groundOf('no-grpc');
    const log = async (ground: Ground) =>
      (await writeConfiguration(ground, databaseAt('postgresql://me@h/d'))).config.file.logs[0];
    assert.equal((await log(without))?.grpc, undefined);
    const ground = await groundOf('grpc', { grpcPort: 0 });
    assert.deepEqual((await log(ground))?.grpc?.listen, { host: 'localhost', port: ground.heldGrpc?.port });
  });

  test('gives clients trust in everything from the making of the keys on', async () => {
    const ground = await groundOf('trust');
    const { createdMs } = ground.instance;
    await prepareKeys({ dataDir: ground.folder.path, createdMs, mayMake: true });
    const { config } = await writeConfiguration(ground, databaseAt('postgresql://me@h/d'));
    const model = trustModelOf(config.file, await loadMaterials(config));
    const { publicUrl } = ground;
    const windows = [model.certificateAuthorities, model.tlogs, model.ctlogs, model.timestampAuthorities].flat();
    assert.deepEqual(
      windows.map(({ validFor }) => validFor),
      Array(4).fill({ startMs: createdMs }),
    );
    assert.equal(model.operator, 'localhost');
    assert.deepEqual(
      model.tlogs.map(({ baseUrl, origin }) => [baseUrl, origin]),
      [[publicUrl, 'localhost']],
    );
    assert.deepEqual(
      model.ctlogs.map(({ baseUrl }) => baseUrl),
      [`${publicUrl}/ct/dev`],
    );
    const service = (url: string, majorApiVersion: number) => [
      { url, majorApiVersion, validFor: { startMs: createdMs } },
    ];
    assert.deepEqual(model.signing, {
      ca: service(publicUrl, 1),
      oidc: service(`${publicUrl}/oidc`, 1),
      rekor: service(publicUrl, 2),
      tsa: service(`${publicUrl}/api/v1/timestamp`, 1),
    });
  });

  test('holds no password, and yet reaches the database with it', async () => {
    const ground = await groundOf('password');
    const { config, env } = await writeConfiguration(
      ground,
      databaseAt('postgresql://me:ge%20heim@h:1/d?sslmode=require'),
    );
    assert.doesNotMatch(await readFile(config.path, 'utf8'), /heim/);
    const { serving } = await connectionsOf(config, env);
    const url = new URL(serving);
    assert.deepEqual(
      [url.username, url.host, url.searchParams.get('sslmode'), url.searchParams.get('password')],
      ['me', 'h:1', 'require', 'ge heim'],
    );
  });

  test('an IPv6 address gets its brackets; what cannot be written down is said in one line with its path', async () => {
    const ground = await groundOf('ipv6', { host: '::1', publicUrl: 'https://sigstore.test' });
    const { config } = await writeConfiguration(ground, databaseAt('postgresql://me@h/d'));
    assert.deepEqual(config.file.ca?.listen, { host: '::1', port: ground.held.port });
    await assert.rejects(writeConfiguration(ground, databaseAt('postgresql://me@h/d#x')), (error) => {
      assert.ok(error instanceof Failure);
      assert.match(error.message, /serve\.yaml: database\.url \(line \d+\): must be a PostgreSQL URL/);
      return true;
    });
  });
});

test('a password is found wherever the address has it, and an address without one stays as it is', () => {
  for (const [url, password] of [
    ['postgresql://me:secret@h/d', 'secret'],
    ['postgresql://me@h/d?password=secret&sslmode=require', 'secret'],
    ['postgresql://me:other@h/d?password=secret', 'secret'],
    ['postgresql://me:100%@h/d', '100%'],
  ] as const) {
    const found = withoutPassword(url);
    assert.equal(found.password, password, url);
    assert.doesNotMatch(found.url, /secret|other|100|password/);
  }
  for (const [url, bare, password] of [
    ['postgresql://me:se%20cret@h1:5432,h2:5433/d', 'postgresql://me@h1:5432,h2:5433/d', 'se cret'],
    ['postgresql://me@h1:1,h2:2/d?password=other&x=1', 'postgresql://me@h1:1,h2:2/d?x=1', 'other'],
    ['postgresql://me:no@h1:1,h2:2/d?x=1&password=other', 'postgresql://me@h1:1,h2:2/d?x=1', 'other'],
    ['postgresql://me@h1:1,h2:2/d', 'postgresql://me@h1:1,h2:2/d', undefined],
  ] as const) {
    assert.deepEqual(withoutPassword(url), { url: bare, password });
  }
  for (const url of ['postgresql://me@h/d', 'postgresql:///d?host=%2Frun%2Fpg', 'no address']) {
    assert.deepEqual(withoutPassword(url), { url, password: undefined });
  }
});

suite('marks of an earlier release', () => {
  const folderOf = async (name: string, content?: string): Promise<string> => {
    const marks = join(base, name, 'marks');
    await mkdir(marks, { recursive: true });
    if (content !== undefined) await writeFile(join(marks, 'tsa-time'), content);
    return marks;
  };

  test('the time of the last timestamp does not go back, whenever the change is cut short', async () => {
    const marks = await folderOf('carried', '1800000000\n');
    await writeFile(join(marks, 'tsa-time.1700000000'), '');
    for (let start = 0; start < 2; start += 1) {
      await prepareMarks(join(base, 'carried'));
      assert.equal((await openSharedTimeFloor({ file: join(marks, 'tsa-time'), slot: 1 })).startSec, 1_800_000_000);
    }
    assert.ok(!(await readdir(marks)).includes('tsa-time'));
  });

  test('a damaged one is never taken for an absent one', async () => {
    for (const [i, content] of ['', 'x', '1.5\n', '1800000000', '-1\n'].entries()) {
      await folderOf(`damaged${i}`, content);
      await assert.rejects(prepareMarks(join(base, `damaged${i}`)), /tsa-time holds no time: restore it/);
    }
  });

  test('a new folder gets its place for marks', async () => {
    await mkdir(join(base, 'new'));
    await prepareMarks(join(base, 'new'));
    assert.deepEqual(await readdir(join(base, 'new', 'marks')), []);
  });
});
