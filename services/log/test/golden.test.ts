import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { entryBundlePath, tilePath, tilesForSize, verifyConsistency, verifyInclusion } from '@sigstead/merkle';
import { createHttpServer, createMetrics, type HttpServer, silentLogger, systemClock } from '@sigstead/platform';
import { fsck } from '../src/core/fsck.ts';
import { registerTiles } from '../src/http/tiles.ts';
import type { OpenLog } from '../src/open-log.ts';
import { send } from './support/raw-http.ts';
import { hasher, testLogs, type TestLogs, text, textPersonality } from './support/test-log.ts';

/** Leaf i is the decimal text of i. Roots by size; every resource by the SHA-256 of its bytes. */
const ROOTS: Record<number, string> = {
  0: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  1: 'db3426e878068d28d269b6c87172322ce5372b65756d0789001d34835f601c03',
  2: 'cb00989d94a569c0a678ae042b63dcd4625db96440517f37a6eb7976ea24ed4b',
  3: '725d5230db68f557470dc35f1d8865813acd7ebb07ad152774141decbae71327',
  255: '32f85bcaa87d7bcd05728f09e9aeba350ba6a2f733830087f0597682848be5cb',
  256: '828515d033c19d8c901f37eccb8aed919667703486f8d2fff1cf7040321c5db1',
  257: '1eda049a4351d86f76252bd7ec0b7746ad75b7fa0316ad5f541dbda458a312c4',
  65535: '74f13a0e1a75689372efb990cf68c664e44c763d9304844955b2eaff624e8df1',
  65536: 'f025d06ed804859fd274a1bdacadd6e48ea87634aa91e1edb20143f9498cd02b',
  65537: 'dc8795a25fd4bd52a0b84f639fd3139ba160824023d188e428eb5db0f3ce221a',
  70000: '1a4cdfcb66374a0c0dcbef49acbd4976d13ee864fb3cb241fc943cad04f02f7e',
};

const RESOURCES: [path: string, sizeFrom: number, sha256: string][] = [
  ['tile/0/000.p/1', 1, '46c9a423311ee51408c25c3ef319c3f3f63fffba2f4cb1975cdc77a8b30192ae'],
  ['tile/0/000.p/2', 2, '990225378ad5a012b8c271f7cd9faa555d5af90900807f8ce9909fc693981c6e'],
  ['tile/0/000.p/3', 3, '638b6fbfd46eda6f696d6f335d8356fd9569c7a19cdb080f7544ff24939672c8'],
  ['tile/0/000.p/255', 255, '9d9bd2803bc8900529b871edd3ef9109d8f43b9e7d8d5c72455a4926eca23bbf'],
  ['tile/0/000', 256, 'b9704a8bfbee2c61185ceb38904a49f3f703c81e194b5b2ccdc254c2bdaaa62b'],
  ['tile/0/001.p/1', 257, '981d45e4e43aa88052c5977a60140d138c34616386a58afd1dd8c3045e7a5a50'],
  ['tile/1/000.p/1', 256, 'd8543884b063e422f6de2e558c6b11eb5e1a20528ccfe23cf27ceeb764b93a6e'],
  ['tile/1/000.p/255', 65535, 'f7a2e94116be7c8a9ff17cd53f1354a9366d5d4ebd309a95141b7edcbc1e4114'],
  ['tile/1/000', 65536, 'ea7b038bc73489c89c31a27ac355aaca65a4ed73f0dd7484e68deb29d30f10a2'],
  ['tile/2/000.p/1', 65536, 'f0113c8bad855b49f9a5dd661d50012cd94f19aae87a45eb8334666835e3caea'],
  ['tile/0/273.p/112', 70000, '4d21244557c976993a9a89bf928a46b5a876585228df279878239fd84489e5a5'],
  ['tile/1/001.p/17', 70000, 'adfaca2731630fe7944a4b98a0f98ef3e98685eafda09e6f81070218fb759ce4'],
  ['tile/entries/000.p/1', 1, '5e2d26e1c33911cb072566cf820f79cac875cd5535c6fb5b7539ae029e59c0df'],
  ['tile/entries/000.p/3', 3, '7e649a3b5b85f2a78064824bfcf856981635707639c561e450592548b6aeb695'],
  ['tile/entries/000.p/255', 255, '1c9b8c72a68f4046b43d1c814583b41f05c164ece11d0c54945fea3e08eecdb5'],
  ['tile/entries/000', 256, '94693d5c6d6a0355ec07bac8214516c1ce6a5100b0588f226fd95f26571157d7'],
  ['tile/entries/001.p/1', 257, '27224137367efa18fb136223191d2ebf06b90d9cf92022eef939d58a3c7eaf9e'],
  ['tile/entries/255.p/255', 65535, '7905dddeecbdbe6332025ab62e2332b2cfe4cdee41182ef51d95f5ce3354732c'],
  ['tile/entries/255', 65536, '5558e7ced4f623654fd429452a1f0ef3033a2b8ac677df283c2be08e4543b14e'],
  ['tile/entries/256.p/1', 65537, '5716d8e78134f516c9f4b6fc83a357233f8baf29221d7551959260a2e6af06f1'],
  ['tile/entries/273.p/112', 70000, '36c3ec44895d1b8098dbe8523078d6750bf09e0f12cd64671ebfe165b7647405'],
];

const personality = textPersonality({ findsByLeafHash: false });
let logs: TestLogs;
let log: OpenLog;
let http: HttpServer;
let port: number;
before(async () => {
  logs = await testLogs();
  log = await logs.open({ personality });
  http = createHttpServer({ logger: silentLogger, metrics: createMetrics() });
  for (const prefix of ['', '/api/v2']) registerTiles(http.app, { log, clock: systemClock, prefix });
  ({ port } = await http.listen({ port: 0, host: '127.0.0.1' }));
});
after(async () => {
  await http.close();
  await logs.drop();
});

async function growTo(size: number): Promise<void> {
  const first = log.tree.published.head.size;
  const waiting: Promise<unknown>[] = [];
  for (let i = first; i < size; i++) {
    waiting.push(log.sequencer.append(text(String(i))));
    if (waiting.length === 1024) await Promise.all(waiting.splice(0));
  }
  await Promise.all(waiting);
}

const get = (path: string, headers: [string, string][] = []) =>
  send(port, { method: 'GET', path: `/${path}`, headers });

async function checkSize(size: number, levels: number): Promise<void> {
  const root = ROOTS[size];
  if (root !== undefined)
    assert.equal(Buffer.from(log.tree.published.head.root).toString('hex'), root, `root of ${size}`);
  for (const [path, from, expected] of RESOURCES) {
    const answer = await get(path);
    assert.equal(answer.status, from <= size ? 200 : 404, `${path} at ${size}`);
    if (from <= size) assert.equal(hash('sha256', answer.body, 'hex'), expected, path);
  }
  for (const { level, fullTiles, partialWidth } of tilesForSize(size).slice(0, levels)) {
    const beyond = { level, index: fullTiles, width: partialWidth + 1 };
    assert.equal((await get(tilePath(beyond))).status, 404, `${tilePath(beyond)} at ${size}`);
    if (level === 0) assert.equal((await get(entryBundlePath(beyond))).status, 404);
  }
}

test('tile checks 1, 2, 3: sizes 0 to 257: roots, tiles and bundles are the golden ones, and nothing beyond the tree is served', async () => {
  for (const size of [0, 1, 2, 3, 4, 100, 254, 255, 256, 257]) {
    await growTo(size);
    await checkSize(size, 3);
  }
});

test('tile check 7: one name for each resource: other spellings of a path are no resource', async () => {
  for (const path of [
    'tile/0/0',
    'tile/0/x000/000',
    'tile/00/000',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/64/000',
    'tile/0/-1',
    'tile/0/../0/000',
    'tile/0/000/',
    'tile/entries/000.p/',
    'tile/0/',
    'tile//000',
    'tile/0/000.p/1%00',
    'checkpoint/',
    'tile/0/x999/x999/x999/x999/x999/x999/999',
  ]) {
    const answer = await get(path);
    assert.equal(answer.status, 404, path);
    assert.deepEqual(JSON.parse(answer.body.toString()), { code: 5, message: 'Not Found', details: [] });
  }
});

test('tile check 12: headers: caches may keep full tiles for ever, partial ones shortly, checkpoints not at all; validators, HEAD and gzip work', async () => {
  const tile = await get('tile/0/000');
  assert.equal(tile.headers['content-type'], 'application/octet-stream');
  assert.match(String(tile.headers['cache-control']), /immutable/);
  assert.equal((await get('tile/0/001.p/1')).headers['cache-control'], 'public, max-age=60');
  assert.equal((await get('tile/entries/001.p/1')).headers['cache-control'], 'public, max-age=60');
  const etag = String(tile.headers['etag']);
  assert.equal((await get('tile/0/000', [['If-None-Match', etag]])).status, 304);
  assert.equal((await get('tile/0/000', [['If-None-Match', '"other"']])).status, 200);
  const head = await send(port, { method: 'HEAD', path: '/tile/0/000' });
  assert.deepEqual([head.status, head.body.length, head.headers['content-length']], [200, 0, '8192']);
  const checkpoint = await get('checkpoint');
  assert.equal(checkpoint.headers['content-type'], 'text/plain; charset=utf-8');
  assert.equal(checkpoint.headers['cache-control'], 'no-cache');
  const packed = await get('tile/entries/000', [['Accept-Encoding', 'br, gzip;q=0.5']]);
  assert.equal(packed.headers['content-encoding'], 'gzip');
  const plain = await get('tile/entries/000', [['Accept-Encoding', 'gzip;q=0']]);
  assert.equal(plain.headers['content-encoding'], undefined);
  assert.deepEqual(gunzipSync(packed.body), plain.body);
  assert.notEqual(packed.headers['etag'], plain.headers['etag']);
  assert.deepEqual([packed.headers['vary'], plain.headers['vary']], ['accept-encoding', 'accept-encoding']);
  const again: [string, string][] = [
    ['Accept-Encoding', 'gzip'],
    ['If-None-Match', String(packed.headers['etag'])],
  ];
  assert.equal((await get('tile/entries/000', again)).status, 304);
  for (const path of ['checkpoint', 'tile/0/000', 'tile/0/001.p/1', 'tile/entries/000']) {
    assert.deepEqual((await get(`api/v2/${path}`)).body, (await get(path)).body, path);
  }
});

test('tile checks 1, 2, 3: sizes 65535 to 70000: golden, and what was full before is served unchanged', async () => {
  for (const size of [65535, 65536, 65537, 70000]) {
    await growTo(size);
    await checkSize(size, 4);
  }
  const cold = await logs.open({ personality });
  assert.equal(Buffer.from(cold.tree.published.head.root).toString('hex'), ROOTS[70000]);
  const before = await cold.tiles.rootAt(cold.tree.published.edge, 65537);
  assert.equal(Buffer.from(before).toString('hex'), ROOTS[65537]);
});

test('tile checks 4, 5, 6: proofs made from tiles verify at any size and index; beyond the tree there is none', async () => {
  const { edge } = log.tree.published;
  // Park and Miller's generator: any run asks the same questions.
  let state = 4242;
  const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
  for (let n = 0; n < 200; n++) {
    const size = 1 + random(70000);
    const index = random(size);
    const root = await log.tiles.rootAt(edge, size);
    const leafHash = hasher.leaf(Buffer.from(String(index)));
    const proof = await log.tiles.inclusionProof(edge, size, index);
    verifyInclusion({ hasher, size, index, leafHash, proof, root });
    const flipped = proof.map((each, i) => (i === n % proof.length ? Buffer.from(each.map((byte) => byte ^ 1)) : each));
    if (proof.length > 0) {
      assert.throws(() => verifyInclusion({ hasher, size, index, leafHash, proof: flipped, root }));
    }
    const size1 = 1 + random(size);
    const consistency = await log.tiles.consistencyProof(edge, size1, size);
    verifyConsistency({
      hasher,
      size1,
      size2: size,
      root1: await log.tiles.rootAt(edge, size1),
      root2: root,
      proof: consistency,
    });
  }
  assert.deepEqual(await log.tiles.consistencyProof(edge, 70000, 70000), []);
  await assert.rejects(log.tiles.inclusionProof(edge, 70000, 70000));
  await assert.rejects(log.reader.consistency(1, 70001), { code: 'invalid_request' });
  await assert.rejects(log.reader.entryAndProof(70000, 70000), { code: 'invalid_request' });
  await assert.rejects(log.reader.entryAndProof(1, 70001), { code: 'invalid_request' });
});

test('the checker derives the same 70000 entries and finds nothing wrong', async () => {
  const report = await fsck({ store: log.store, personality, hasher });
  assert.deepEqual(report.problems, []);
  assert.equal(report.size, 70000);
  assert.equal(report.fullTiles, 273 + 1);
});
