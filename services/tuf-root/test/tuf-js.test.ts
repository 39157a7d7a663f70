import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { initTUF } from '@sigstore/tuf';
import { SigningConfig, TrustedRoot } from '@sigstore/protobuf-specs';
import { canonicalize } from '@tufjs/canonical-json';
import { Metadata, MetadataKind } from '@tufjs/models';
import { testDatabase } from '@sigstead/test';
import { createMetrics, silentLogger, systemClock } from '@sigstead/platform';
import { Updater } from 'tuf-js';
import { composeTufRoot, type TufRootHandle, type TufRootOptions } from '../src/index.ts';
import { type Doc, listen, newCa, newModel, newSigners } from './support.ts';

async function compose(t: TestContext, options: Partial<TufRootOptions> = {}): Promise<TufRootHandle> {
  const database = options.connection ? undefined : await testDatabase();
  const handle = await composeTufRoot({
    connection: { connectionString: database?.connectionString ?? '' },
    logger: silentLogger,
    metrics: createMetrics(),
    clock: systemClock,
    model: options.model ?? (await newModel()),
    signers: options.signers ?? newSigners(),
    internalUrls: 'allow',
    ...options,
  });
  t.after(async () => {
    await handle.close();
    await database?.drop();
  });
  return handle;
}

async function serve(t: TestContext, handle: TufRootHandle): Promise<string> {
  const { url, server } = await listen(handle);
  t.after(() => server.close());
  return url;
}

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tuf-test-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A client as tuf-js wants it: a folder with the initial root. */
async function client(t: TestContext, url: string, root: Uint8Array): Promise<() => Updater> {
  const dir = await folder(t);
  await writeFile(join(dir, 'root.json'), root);
  return () => new Updater({ metadataDir: dir, metadataBaseUrl: url, targetDir: dir, targetBaseUrl: `${url}/targets` });
}

async function download(updater: Updater, name: string): Promise<Buffer> {
  const info = await updater.getTargetInfo(name);
  assert.ok(info, name);
  return readFile(await updater.downloadTarget(info));
}

test('B17: tuf-js verifies the repository from 1.root.json and downloads every target', async (t) => {
  const handle = await compose(t);
  const url = await serve(t, handle);
  const first = new Uint8Array(await (await fetch(`${url}/1.root.json`)).arrayBuffer());
  assert.equal(createHash('sha256').update(first).digest('hex'), handle.initialRoot().sha256hex);
  const updater = (await client(t, url, first))();
  await updater.refresh();
  for (const name of [
    'trusted_root.json',
    'signing_config.v0.2.json',
    'fulcio_v1.crt.pem',
    'fulcio_intermediate_v1.crt.pem',
    'rekor.pub',
    'ctfe.pub',
    'tsa_leaf.crt.pem',
    'tsa_intermediate_0.crt.pem',
    'tsa_root.crt.pem',
    'tsa.certchain.pem',
  ]) {
    assert.ok((await download(updater, name)).length > 0);
  }
  const trustedRoot = JSON.parse((await download(updater, 'trusted_root.json')).toString());
  const signingConfig = JSON.parse((await download(updater, 'signing_config.v0.2.json')).toString());
  const { trustedRoot: inOne, signingConfig: inOneToo } = handle.clientTrustConfig();
  assert.deepStrictEqual([trustedRoot, signingConfig], [inOne, inOneToo]);
  assert.deepStrictEqual(
    TrustedRoot.fromJSON(TrustedRoot.toJSON(TrustedRoot.fromJSON(trustedRoot))),
    TrustedRoot.fromJSON(trustedRoot),
  );
  assert.deepStrictEqual(
    SigningConfig.fromJSON(SigningConfig.toJSON(SigningConfig.fromJSON(signingConfig))),
    SigningConfig.fromJSON(signingConfig),
  );
});

test('B27: @sigstore/tuf initialises from a clean cache under a sub-path and reads both documents', async (t) => {
  const handle = await compose(t);
  const url = await serve(t, handle);
  const dir = await folder(t);
  await writeFile(join(dir, 'initial.json'), handle.initialRoot().bytes);
  for (const mirrorURL of [url, `${url}/`]) {
    const tuf = await initTUF({
      mirrorURL,
      rootPath: join(dir, 'initial.json'),
      cachePath: join(dir, `cache${mirrorURL.length}`),
      forceInit: true,
    });
    assert.equal(JSON.parse(await tuf.getTarget('trusted_root.json')).certificateAuthorities.length, 1);
    assert.equal(JSON.parse(await tuf.getTarget('signing_config.v0.2.json')).rekorTlogUrls[0].majorApiVersion, 2);
  }
});

test('a changed model reaches a client that refreshed before: higher versions, both chains; the same model publishes nothing', async (t) => {
  const model = await newModel();
  const handle = await compose(t, { model });
  const url = await serve(t, handle);
  const open = await client(t, url, handle.initialRoot().bytes);
  await open().refresh();
  assert.deepEqual((await handle.updateModel(model)).renewed, []);
  const [authority] = model.certificateAuthorities;
  const nowMs = Date.now();
  const rotated = {
    ...model,
    certificateAuthorities: [
      { ...authority!, validFor: { ...authority!.validFor, endMs: nowMs + 3_600_000 } },
      { uri: authority!.uri, chain: await newCa(nowMs), validFor: { startMs: nowMs } },
    ],
  };
  assert.deepEqual((await handle.updateModel(rotated)).renewed, ['targets', 'snapshot', 'timestamp']);
  const updater = open();
  await updater.refresh();
  const root = JSON.parse((await download(updater, 'trusted_root.json')).toString());
  assert.equal(root.certificateAuthorities.length, 2);
  assert.ok(await updater.getTargetInfo('fulcio_v2.crt.pem'));
  const old = await fetch(`${url}/1.targets.json`);
  assert.equal(old.status, 200, 'what was published stays there');
});

test('B18, B19, B20: key ids, expiry text and signatures survive the models of @tufjs and its canonical JSON', async (t) => {
  const handle = await compose(t);
  const url = await serve(t, handle);
  const kinds = {
    '1.root.json': MetadataKind.Root,
    '1.targets.json': MetadataKind.Targets,
    '1.snapshot.json': MetadataKind.Snapshot,
    'timestamp.json': MetadataKind.Timestamp,
  };
  const root: Doc = JSON.parse(await (await fetch(`${url}/1.root.json`)).text());
  for (const [keyId, key] of Object.entries<Doc>(root.signed.keys)) {
    assert.equal(createHash('sha256').update(canonicalize(key)).digest('hex'), keyId);
    assert.deepEqual([key.keytype, key.scheme], ['ecdsa', 'ecdsa-sha2-nistp256']);
    assert.match(key.keyval.public, /^-----BEGIN PUBLIC KEY-----\n[^]+\n-----END PUBLIC KEY-----\n$/);
  }
  const rootMetadata = Metadata.fromJSON(MetadataKind.Root, root);
  for (const [path, kind] of Object.entries(kinds)) {
    const document: Doc = JSON.parse(await (await fetch(`${url}/${path}`)).text());
    assert.match(document.signed.expires, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const metadata = Metadata.fromJSON(kind as MetadataKind.Root, document);
    assert.equal(canonicalize(metadata.signed.toJSON() as never), canonicalize(document.signed), path);
    rootMetadata.verifyDelegate(document.signed._type, metadata);
  }
});

test('B22: an unknown root is 404 without redirect or caching, for GET, HEAD and with a query; other methods are 405', async (t) => {
  const handle = await compose(t);
  const url = await serve(t, handle);
  const unknown = [
    '2.root.json',
    '2.root.json?x=1',
    '01.root.json',
    '0.root.json',
    '1.timestamp.json',
    'snapshot.json',
    '',
    'targets/',
    'targets/trusted_root.json',
    `targets/${'0'.repeat(64)}.trusted_root.json`,
    '%2e%2e/%2e%2e/etc/passwd',
    '..%2f1.root.json',
    '1.root.json/',
    '1.root.json%00',
    '999999999999999.root.json',
    '9999999999999999.root.json',
    'targets/..%2f..%2f1.root.json',
    `targets/${'0'.repeat(64)}.a'; DROP TABLE tuf.metadata`,
  ];
  for (const path of unknown) {
    for (const method of ['GET', 'HEAD']) {
      const answer = await fetch(`${url}/${path}`, { method, redirect: 'manual' });
      assert.equal(answer.status, 404, `${method} ${path}`);
      // fetch itself resolves dots: those end up outside the tree.
      if (new URL(`${url}/${path}`).pathname.startsWith('/tuf/'))
        assert.equal(answer.headers.get('cache-control'), 'no-store', path);
    }
  }
  for (const path of ['timestamp.json', 'root.json', '1.root.json', '1.snapshot.json', '1.targets.json']) {
    const got = await fetch(`${url}/${path}`);
    const head = await fetch(`${url}/${path}`, { method: 'HEAD' });
    assert.deepEqual([got.status, head.status, got.headers.get('content-type')], [200, 200, 'application/json']);
    assert.equal(head.headers.get('content-length'), String((await got.arrayBuffer()).byteLength));
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const answer = await fetch(`${url}/${path}`, { method });
      assert.deepEqual([answer.status, answer.headers.get('allow')], [405, 'GET, HEAD'], `${method} ${path}`);
    }
  }
});

test('B21, B31: targets have one sha256 and a length; legacy ones carry usage, status and uri; tsa.certchain.pem does not', async (t) => {
  const handle = await compose(t);
  const url = await serve(t, handle);
  const { targets } = JSON.parse(await (await fetch(`${url}/1.targets.json`)).text()).signed;
  const usage = Object.fromEntries(
    Object.entries<Doc>(targets).map(([name, entry]) => [name, entry.custom?.sigstore.usage]),
  );
  assert.deepEqual(usage, {
    'ctfe.pub': 'CTFE',
    'fulcio_intermediate_v1.crt.pem': 'Fulcio',
    'fulcio_v1.crt.pem': 'Fulcio',
    'rekor.pub': 'Rekor',
    'signing_config.v0.2.json': undefined,
    'trusted_root.json': undefined,
    'tsa.certchain.pem': undefined,
    'tsa_intermediate_0.crt.pem': 'TSA',
    'tsa_leaf.crt.pem': 'TSA',
    'tsa_root.crt.pem': 'TSA',
  });
  for (const [name, entry] of Object.entries<Doc>(targets)) {
    assert.deepEqual(Object.keys(entry.hashes), ['sha256']);
    const bytes = Buffer.from(await (await fetch(`${url}/targets/${entry.hashes.sha256}.${name}`)).arrayBuffer());
    assert.equal(bytes.length, entry.length);
    assert.equal(createHash('sha256').update(bytes).digest('hex'), entry.hashes.sha256);
  }
});
