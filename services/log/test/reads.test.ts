import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { entryBundlePath, TreeEdge, tilePath } from '@sigstead/merkle';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { createHttpServer, createMetrics, silentLogger, systemClock } from '@sigstead/platform';
import { testDatabase } from '@sigstead/test';
import { encodeBundle } from '../src/core/entry-bundle.ts';
import { LogError, StoreError } from '../src/core/errors.ts';
import { Compression } from '../src/http/compression.ts';
import { registerTiles } from '../src/http/tiles.ts';
import { ArchiveReader } from '../src/read/archive.ts';
import { EntrySource } from '../src/read/entry-source.ts';
import { LoadGate } from '../src/read/load-gate.ts';
import { withPatience } from '../src/read/patience.ts';
import type { ReadObserver } from '../src/read/sources.ts';
import { TileSource } from '../src/read/tile-source.ts';
import { certificate, isCa, POISON } from './support/certificates.ts';
import { hashedRekord, newKey } from './support/entries.ts';
import { send } from './support/raw-http.ts';
import { startServer, type TestServer } from './support/server.ts';
import { hasher, testLogs, text, textPersonality } from './support/test-log.ts';

const EMPTY = new Uint8Array(0);
const leaves = Array.from({ length: 600 }, (_, i) => Buffer.from(`entry ${i}`));
const grown = TreeEdge.empty(hasher).append(leaves.map((leaf) => hasher.leaf(leaf)));
const { edge } = grown;

/** A store of these 600 entries that counts what it is asked, and may lie or be away. */
function countingStore(lie: { leaf?: number; tile?: number; away?: boolean } = {}) {
  const asked: string[] = [];
  return {
    asked,
    records: ({ begin, end }: { begin: number; end: number }) => {
      asked.push(`records ${begin}-${end}`);
      if (lie.away === true) return Promise.reject(new StoreError('lost', 'away'));
      const found = leaves
        .slice(begin, end)
        .map((leaf, i) => ({ leaf: begin + i === lie.leaf ? Buffer.from('lie') : leaf, extra: EMPTY }));
      return Promise.resolve(found);
    },
    tiles: (level: number, [index = -1]: readonly number[]) => {
      asked.push(`tile ${level}/${index}`);
      if (lie.away === true) return Promise.reject(new StoreError('lost', 'away'));
      const tile = grown.fullTiles.find((each) => each.level === level && each.index === index) ?? assert.fail();
      const hashes = tile.nodes.bytes();
      if (index === lie.tile) hashes[40] = (hashes[40] ?? 0) ^ 1;
      return Promise.resolve([{ level, index, hashes, root: tile.nodes.node(8, 0) }]);
    },
  };
}

/** What was told of reads. */
function observed(): ReadObserver & { seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    loaded: (from) => seen.push(`from ${from}`),
    archiveDiffers: (detail) => seen.push(`archive differs: ${detail}`),
    damaged: ({ detail = '' }) => seen.push(`damaged: ${detail}`),
  };
}

function sourcesOf(options: {
  store: ReturnType<typeof countingStore>;
  archive?: ArchiveReader;
  gate?: LoadGate;
  budgetBytes?: number;
}): { tiles: TileSource; entries: EntrySource; seen: string[] } {
  const { seen, ...observer } = observed();
  const from = { hasher, observer, budgetBytes: 2 ** 20, ...options };
  const tiles = new TileSource(from);
  return { tiles, entries: new EntrySource({ ...from, tiles }), seen };
}

function archiveOf(files: ReadonlyMap<string, Uint8Array>, nowMs = () => 0): ArchiveReader & { failures: unknown[] } {
  const failures: unknown[] = [];
  const reader = new ArchiveReader({
    archive: { get: (name) => Promise.resolve(files.get(name)) },
    nowMs,
    onFailure: (error) => failures.push(error),
  });
  return Object.assign(reader, { failures });
}

test('concurrent reads of one cold thing, whatever width they ask for, share one load', async () => {
  const store = countingStore();
  const { entries } = sourcesOf({ store });
  const widths = [1, 255, 256, 17, 256];
  const bundles = await Promise.all(widths.map((width) => entries.bundle(edge, 0, width)));
  assert.deepEqual(
    bundles.map(({ length }) => length),
    widths,
  );
  assert.deepEqual(store.asked, ['tile 0/0', 'records 0-256']);
  await Promise.all([entries.record(edge, 300), entries.record(edge, 300), entries.record(edge, 5)]);
  assert.deepEqual(store.asked.slice(2), ['tile 0/1', 'records 300-301'], 'entry 5 was in memory');
});

test('what the store gives is compared with the tree before it is given out, after a second look', async () => {
  const store = countingStore({ leaf: 300 });
  const { entries, seen } = sourcesOf({ store });
  await assert.rejects(entries.bundle(edge, 1, 256), {
    code: 'internal',
    detail: 'entry 300 is not the one in the tree',
  });
  await assert.rejects(entries.record(edge, 300), { contradicts: true });
  assert.deepEqual((await entries.record(edge, 301)).leaf, new Uint8Array(leaves[301] ?? []));
  assert.deepEqual(
    seen.filter((each) => each.startsWith('damaged')),
    Array(2).fill('damaged: entry 300 is not the one in the tree'),
  );
  assert.equal(store.asked.filter((each) => each === 'records 256-512').length, 2);
  assert.equal((await entries.bundle(edge, 0, 256)).length, 256, 'other bundles are served');
});

test('a tile is proven by the one above it, so neither it nor a proof made of it can be another', async () => {
  const { tiles } = sourcesOf({ store: countingStore({ tile: 1 }) });
  await assert.rejects(tiles.tile(edge, 0, 1), { detail: 'tile 1 of level 0 is not the one in the tree' });
  await assert.rejects(tiles.inclusionProof(edge, 600, 300), { code: 'internal' });
  assert.equal((await tiles.inclusionProof(edge, 600, 3)).length, 10);
});

test('a full tile or bundle is read from the exported copy first, and the database is left alone', async () => {
  const files = new Map<string, Uint8Array>();
  for (const { level, index, nodes } of grown.fullTiles)
    files.set(tilePath({ level, index, width: 256 }), nodes.bytes());
  for (const index of [0, 1]) {
    const part = leaves.slice(index * 256, index * 256 + 256).map((leaf) => ({ leaf }));
    files.set(entryBundlePath({ index, width: 256 }), encodeBundle(part));
  }
  const store = countingStore({ away: true });
  const { tiles, entries, seen } = sourcesOf({ store, archive: archiveOf(files) });
  assert.equal((await entries.bundle(edge, 1, 256)).length, 256);
  assert.equal((await tiles.inclusionProof(edge, 600, 3)).length, 10);
  assert.deepEqual(store.asked, []);
  assert.deepEqual(seen, ['from archive', 'from archive', 'from archive']);
  await assert.rejects(entries.bundle(edge, 2, 88), StoreError, 'the partial one is not in the copy');
});

test('an exported copy that is not what the tree holds is told and not used; the database is read instead', async () => {
  const bundle = encodeBundle(leaves.slice(0, 256).map((leaf) => ({ leaf })));
  const changed = bundle.map((byte, at) => (at === 9 ? byte ^ 1 : byte));
  for (const bytes of [changed, bundle.subarray(1), EMPTY, Buffer.concat([bundle, EMPTY, Buffer.of(0)])]) {
    const files = new Map([
      ['tile/entries/000', bytes],
      ['tile/0/000', bytes.subarray(0, 8192)],
    ]);
    const store = countingStore();
    const { entries, seen } = sourcesOf({ store, archive: archiveOf(files) });
    const read = await entries.bundle(edge, 0, 256);
    assert.deepEqual(encodeBundle(read), bundle);
    assert.deepEqual(seen, [
      'archive differs: tile 0 of level 0',
      'from database',
      'archive differs: bundle 0',
      'from database',
    ]);
  }
});

test('an exported copy that fails is not asked again for a while', async () => {
  let now = 0;
  let asked = 0;
  const failures: unknown[] = [];
  const archive = new ArchiveReader({
    archive: {
      get() {
        asked += 1;
        return Promise.reject(new Error('storage is away'));
      },
    },
    nowMs: () => now,
    onFailure: (error) => failures.push(error),
  });
  const { entries, seen } = sourcesOf({ store: countingStore(), archive });
  await entries.bundle(edge, 0, 256);
  await entries.bundle(edge, 1, 256);
  assert.deepEqual([asked, failures.length], [1, 1]);
  assert.ok(seen.every((each) => each === 'from database'));
  now = 10_000;
  assert.equal(await archive.tile(0, 0), undefined);
  assert.equal(asked, 2);
});

test('loads that wait are bounded in number and in time; everything else is refused at once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const gate = new LoadGate({ running: 2, waiting: 3, waitMs: 1000 });
  const ends: (() => void)[] = [];
  const load = (): Promise<number> =>
    new Promise((resolve) => {
      ends.push(() => resolve(7));
    });
  const running = [gate.run(load), gate.run(load)];
  const waiting = [gate.run(load), gate.run(load), gate.run(load)];
  const late = waiting.slice(1).map((each) => assert.rejects(each, { code: 'unavailable' }));
  await assert.rejects(gate.run(load), (error) => error instanceof LogError && error.code === 'unavailable');
  ends[0]?.();
  assert.equal(await running[0], 7);
  t.mock.timers.tick(1001);
  await Promise.all(late);
  assert.equal(ends.length, 3, 'who was let in was started, who waited too long never was');
  for (const end of ends) end();
  assert.deepEqual(await Promise.all([...running, waiting[0]]), [7, 7, 7]);
  assert.equal(await gate.run(() => Promise.resolve(1)), 1);
  const hang = assert.rejects(withPatience(new Promise(() => undefined), 50), { code: 'unavailable' });
  t.mock.timers.tick(51);
  await hang;
});

test('memory: what is kept and what is on its way stay within the budget together', async () => {
  const store = countingStore();
  const { tiles } = sourcesOf({ store, budgetBytes: 18 * 1024 });
  await tiles.tile(edge, 0, 0);
  await tiles.tile(edge, 0, 0);
  assert.deepEqual(store.asked, ['tile 0/0']);
  await tiles.tile(edge, 0, 1);
  await tiles.tile(edge, 0, 0);
  assert.deepEqual(store.asked, ['tile 0/0', 'tile 0/1', 'tile 0/0'], 'there is room for one');
});

test('memory: reads that wait for their turn take nothing from what is kept', async () => {
  const store = countingStore();
  const gate = new LoadGate({ running: 1, waiting: 8, waitMs: 60_000 });
  const { entries, tiles } = sourcesOf({ store, gate, budgetBytes: 2 * 2 ** 20 });
  await entries.bundle(edge, 0, 256);
  await tiles.tile(edge, 0, 1);
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const busy = gate.run(() => ended);
  const waiting = [entries.bundle(edge, 1, 256), entries.bundle(edge, 2, 88)];
  await new Promise(setImmediate);
  const before = store.asked.length;
  const hot = entries.bundle(edge, 0, 256);
  end();
  await Promise.all([busy, hot, ...waiting]);
  assert.deepEqual(store.asked.slice(before).sort(), ['records 256-512', 'records 512-600']);
});

test('compressed forms are made a few at a time, those of full bundles kept, the large ones never', async () => {
  const compression = new Compression({ running: 1, maxBytes: 1000, cacheBytes: 100_000 });
  const bytes = Buffer.alloc(900, 'x');
  const first = compression.gzip('a', bytes, true);
  const [same, other] = await Promise.all([compression.gzip('a', bytes, true), compression.gzip('b', bytes, true)]);
  assert.equal(same, await first);
  assert.equal(other, undefined, 'no turn: it is sent as it is');
  assert.deepEqual(gunzipSync((await first)?.bytes ?? EMPTY), bytes);
  assert.equal(await compression.gzip('a', EMPTY, true), await first, 'it is kept');
  assert.equal(await compression.gzip('large', Buffer.alloc(1001), true), undefined);
  const partial = await compression.gzip('c.p/1', bytes, false);
  assert.notEqual(await compression.gzip('c.p/1', bytes, false), partial);
  const other2 = await compression.gzip('d', Buffer.alloc(900, 'y'), true);
  assert.notEqual(other2?.etag, (await first)?.etag);
});

test('tile check 8: a partial tile or bundle that was published is there at any moment while the log grows', async (t) => {
  const logs = await testLogs();
  t.after(() => logs.drop());
  const log = await logs.open({ personality: textPersonality({ findsByLeafHash: false }) });
  const http = createHttpServer({ logger: silentLogger, metrics: createMetrics() });
  registerTiles(http.app, { log, clock: systemClock, prefix: '' });
  const { port } = await http.listen({ port: 0, host: '127.0.0.1' });
  t.after(() => http.close());
  const other = await logs.open({ personality: textPersonality({ findsByLeafHash: false }) });
  let growing = true;
  const growth = (async () => {
    for (let i = 0; i < 700; i += 7) {
      const writer = i % 2 === 0 ? log : other;
      await Promise.all(Array.from({ length: 7 }, (_, n) => writer.sequencer.append(text(`grow ${i + n}`))));
    }
  })().finally(() => {
    growing = false;
  });
  growth.catch(() => undefined);
  const first = new Map<string, Buffer>();
  while (growing) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    const size = log.tree.published.head.size;
    const index = Math.floor(size / 256);
    const width = size % 256;
    if (width > 0)
      for (const path of [tilePath({ level: 0, index, width }), entryBundlePath({ index, width })])
        first.set(path, Buffer.alloc(0));
    for (const [path, before] of [...first].slice(-12)) {
      const { status, body } = await send(port, { method: 'GET', path: `/${path}` });
      assert.equal(status, 200, path);
      if (before.length > 0) assert.deepEqual(body, before, path);
      first.set(path, body);
    }
  }
  await growth;
  for (const [path, before] of first) {
    const { status, body } = await send(port, { method: 'GET', path: `/${path}` });
    assert.equal(status, 200, path);
    if (before.length > 0) assert.deepEqual(body, before, path);
  }
});

test('tile check 13: a fresh log has a checkpoint of size 0 with the root of nothing, and its first entry is entry 0', async (t) => {
  const logs = await testLogs();
  t.after(() => logs.drop());
  const log = await logs.open();
  const claim = textPersonality().openHead(await log.reader.checkpoint(1));
  assert.deepEqual([claim.size, Buffer.from(claim.root)], [0, Buffer.from(hasher.empty())]);
  assert.equal(await log.reader.resource({ kind: 'tile', level: 0, index: 0, width: 1 }), undefined);
  assert.equal((await log.sequencer.append(text('first'))).index, 0);
});

test('with the database stopped everything hot is served and proven from memory; what is cold is 503 with Retry-After', async (t) => {
  const database = await testDatabase();
  const root = certificate({ subject: 'root', extensions: [isCa()] });
  const signers = [1, 2].map(() => signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256')));
  const [signer = assert.fail(), ctSigner = assert.fail()] = signers;
  const logs = [
    { name: 'v2', origin: 'log.example.com', kind: 'rekor-v2', signer, create: true } as const,
    {
      name: 'ct',
      origin: 'ct.example.com',
      kind: 'ct',
      signer: ctSigner,
      create: true,
      acceptedRoots: [root.der],
    } as const,
  ];
  const server = await startServer({ database, logs });
  t.after(() => server.close());
  const ct = server.handle.ct('ct');
  const submitted = Array.from({ length: 300 }, (_, i) =>
    ct.addPreChain([certificate({ subject: `leaf ${i}`, issuer: root, extensions: [POISON] }).der, root.der]),
  );
  await Promise.all(submitted);
  const get = (port: number, path: string) => send(port, { method: 'GET', path });
  const entriesOf = async (port: number) => get(port, '/ct/ct/ct/v1/get-entries?start=256&end=299');
  const { entries } = JSON.parse((await entriesOf(server.port)).body.toString()) as {
    entries: { leaf_input: string }[];
  };
  const leafHash = encodeURIComponent(
    Buffer.from(hasher.leaf(Buffer.from(entries[3]?.leaf_input ?? '', 'base64'))).toString('base64'),
  );
  const cold = await startServer({ database, logs: logs.map((each) => ({ ...each, create: false })) });
  t.after(() => cold.close());
  await database.drop();

  const hot = [
    '/checkpoint',
    '/ct/ct/ct/v1/get-sth',
    '/ct/ct/ct/v1/get-entries?start=0&end=255',
    '/ct/ct/ct/v1/get-entries?start=256&end=299',
    '/ct/ct/ct/v1/get-sth-consistency?first=7&second=300',
    '/ct/ct/ct/v1/get-sth-consistency?first=256&second=299',
    `/ct/ct/ct/v1/get-proof-by-hash?hash=${leafHash}&tree_size=300`,
    '/ct/ct/ct/v1/get-entry-and-proof?leaf_index=3&tree_size=300',
  ];
  for (const path of hot) assert.equal((await get(server.port, path)).status, 200, path);

  // Another process knows the edge and has read nothing else.
  for (const path of ['/checkpoint', '/ct/ct/ct/v1/get-sth', '/ct/ct/ct/v1/get-sth-consistency?first=256&second=300']) {
    assert.equal((await get(cold.port, path)).status, 200, path);
  }
  for (const path of [
    ...hot.slice(2, 5),
    ...hot.slice(6),
    '/tile/0/000.p/9',
    '/ct/ct/ct/v1/get-entries?start=900&end=901',
  ]) {
    const refused = await get(cold.port, path);
    assert.equal(refused.status, 503, path);
    assert.equal(refused.headers['retry-after'], '1', path);
    assert.doesNotMatch(refused.body.toString(), /connect|ECONN|postgres|database/i);
  }
});

/** Until that process has seen all 300 entries in the exported copy. */
async function exportedBy(server: TestServer): Promise<void> {
  const isThere = async (): Promise<boolean> =>
    /sigstead_log_export_size_entries\{log="v2"\} 300\n/.test(await server.metrics.text());
  for (let looks = 0; looks < 600 && !(await isThere()); looks++) {
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  assert.ok(await isThere(), 'it was never exported');
}

test('with the database stopped, what was exported is served from the exported copy by a process that has read nothing', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sigstead-reads-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const database = await testDatabase();
  const signer = signerFromPem(generatePrivateKeyPem('ed25519'));
  const target = { kind: 'directory', folder, intervalMs: 100 } as const;
  const spec = { name: 'v2', origin: 'log.example.com', kind: 'rekor-v2', signer, export: target } as const;
  const key = newKey();
  const writer = await startServer({ database, logs: [{ ...spec, create: true }] });
  const posts = Array.from({ length: 300 }, (_, i) => {
    const body = Buffer.from(JSON.stringify(hashedRekord(key, `message ${i}`)));
    return send(writer.port, { method: 'POST', path: '/api/v2/log/entries', body });
  });
  for (const { status } of await Promise.all(posts)) assert.equal(status, 201);
  const paths = ['/tile/0/000', '/tile/entries/000', '/tile/0/000.p/9', '/tile/entries/000.p/9', '/tile/0/001.p/44'];
  const truth = await Promise.all(paths.map((path) => send(writer.port, { method: 'GET', path })));
  await exportedBy(writer);
  await writer.close();
  const cold = await startServer({ database, logs: [spec] });
  t.after(() => cold.close());
  await exportedBy(cold);
  await database.drop();
  for (const [i, path] of paths.entries()) {
    const answer = await send(cold.port, { method: 'GET', path });
    assert.equal(answer.status, 200, path);
    assert.deepEqual(answer.body, truth[i]?.body, path);
  }
  assert.match(await cold.metrics.text(), /sigstead_log_cold_reads_total\{log="v2",from="archive"\} [12]/);
});
