import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { after, before, test } from 'node:test';
import {
  addChainRequest,
  ctNoteVerifier,
  decodeCtNoteSignature,
  decodeDataTile,
  decodeLeafIndexExtension,
  decodeMerkleTreeLeaf,
  encodeTileLeaf,
  merkleTreeLeaf,
  parseAddChainResponse,
  parseSignedCheckpoint,
  publicKeyFromSpki,
  type Sct,
  sctSignatureInput,
  verifyCtSignature,
  verifyNote,
} from '@sigstead/formats';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { identityOfLeaf } from '../src/core/ct/entry.ts';
import { parseStaticTilePath } from '../src/http/static-ct.ts';
import type { LogSpec } from '../src/index.ts';
import { certificate, isCa, POISON, type TestCertificate } from './support/certificates.ts';
import { type RawResponse, send } from './support/raw-http.ts';
import { startServer, type TestServer } from './support/server.ts';
import { hasher, sha256 } from './support/test-log.ts';

const ORIGIN = 'ct.example.com:8443/2026';
const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
const logKey = publicKeyFromSpki(signer.spki);
const root = certificate({ subject: 'root', extensions: [isCa()] });
const issuing = certificate({ subject: 'issuing', issuer: root, extensions: [isCa(0)] });
const entity = certificate({ subject: 'entity', extensions: [POISON] });
const spec: LogSpec = {
  name: 'ct1',
  origin: ORIGIN,
  kind: 'ct',
  signer,
  acceptedRoots: [root.der],
  basePaths: ['/2026'],
  leafIndex: true,
  create: true,
};
const plainSpec: LogSpec = {
  ...spec,
  name: 'ct2',
  signer: signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256')),
  origin: 'ct.example.com/plain',
  basePaths: ['/plain'],
  leafIndex: false,
};

let server: TestServer;
before(async () => {
  server = await startServer({ logs: [spec, plainSpec] });
});
after(() => server.close());

const precertificate = (subject: string): TestCertificate =>
  certificate({ subject, issuer: issuing, extensions: [POISON], key: entity });

async function get(path: string, headers: [string, string][] = [], from = server): Promise<RawResponse> {
  return send(from.port, { method: 'GET', path, headers });
}

async function bytes(path: string, from = server): Promise<Buffer> {
  const answer = await get(path, [], from);
  assert.equal(answer.status, 200, `${path}: ${answer.body.toString()}`);
  return answer.body;
}

async function submit(kind: 'add-chain' | 'add-pre-chain', chain: readonly Uint8Array[]): Promise<Sct> {
  const body = Buffer.from(JSON.stringify(addChainRequest(chain)));
  const answer = await send(server.port, { method: 'POST', path: `/2026/ct/v1/${kind}`, body });
  assert.equal(answer.status, 200, answer.body.toString());
  return parseAddChainResponse(answer.body);
}

async function checkpoint(from = server) {
  const text = (await bytes('/2026/checkpoint', from)).toString();
  const [signature] = verifyNote(text, [ctNoteVerifier(ORIGIN, logKey)]);
  assert.ok(signature);
  return { ...parseSignedCheckpoint(text).checkpoint, signature: signature.signature };
}

/** RFC 6962 §2.1 as it is written. */
function treeHash(hashes: readonly Uint8Array[]): Uint8Array {
  const [only] = hashes;
  if (only === undefined) return hasher.empty();
  if (hashes.length === 1) return only;
  let k = 1;
  while (k * 2 < hashes.length) k *= 2;
  return hasher.node(treeHash(hashes.slice(0, k)), treeHash(hashes.slice(k)));
}

const tileName = (index: number, width: number): string =>
  `${String(index).padStart(3, '0')}${width === 256 ? '' : `.p/${width}`}`;

/** Reads the log as a static-ct monitor does: every tile, every data tile, every issuer; proves all of it under the checkpoint. */
async function monitor(from = server) {
  const head = await checkpoint(from);
  const leaves: ReturnType<typeof decodeDataTile> = [];
  const hashes: Uint8Array[] = [];
  for (let index = 0; index * 256 < head.size; index++) {
    const width = Math.min(256, head.size - index * 256);
    const tile = await bytes(`/2026/tile/0/${tileName(index, width)}`, from);
    assert.equal(tile.length, width * 32);
    for (let at = 0; at < tile.length; at += 32) hashes.push(tile.subarray(at, at + 32));
    const data = await bytes(`/2026/tile/data/${tileName(index, width)}`, from);
    leaves.push(...decodeDataTile(data));
    assert.deepEqual(Buffer.concat(leaves.slice(index * 256).map(encodeTileLeaf)), data);
  }
  assert.deepEqual(Buffer.from(treeHash(hashes)), Buffer.from(head.root));
  assert.deepEqual(
    leaves.map((leaf) => Buffer.from(hasher.leaf(merkleTreeLeaf(leaf)))),
    hashes.map((hash) => Buffer.from(hash)),
  );
  for (const [index, leaf] of leaves.entries()) {
    assert.equal(decodeLeafIndexExtension(leaf.extensions), index);
    for (const fingerprint of leaf.chain) {
      const name = Buffer.from(fingerprint).toString('hex');
      const issuer = await get(`/2026/issuer/${name}`, [], from);
      assert.equal(issuer.headers['content-type'], 'application/pkix-cert');
      assert.deepEqual(Buffer.from(sha256(issuer.body)).toString('hex'), name);
    }
  }
  return { head, leaves };
}

test('the SCT names the entry’s index, under its signature, and the leaf in the tree is the one it was made of', async () => {
  const final = certificate({
    subject: 'final',
    issuer: issuing,
    extensions: [{ oid: '1.2.3.4', value: Buffer.of(1) }],
  });
  const precert = precertificate('one');
  const scts = [
    await submit('add-chain', [final.der, issuing.der, root.der]),
    await submit('add-pre-chain', [precert.der, issuing.der]),
  ];
  const { leaves } = await monitor();
  for (const [index, sct] of scts.entries()) {
    assert.equal(Buffer.from(sct.extensions).toString('hex'), `00000500000000${String(index).padStart(2, '0')}`);
    const leaf = leaves[index] ?? assert.fail();
    assert.ok(verifyCtSignature(logKey, sctSignatureInput(leaf), sct.signature));
    assert.ok(!verifyCtSignature(logKey, sctSignatureInput({ ...leaf, extensions: new Uint8Array(0) }), sct.signature));
    assert.deepEqual([leaf.timestampMs, leaf.extensions], [sct.timestampMs, sct.extensions]);
  }
  const fingerprints = [issuing, root].map(({ der }) => Buffer.from(sha256(der)).toString('hex'));
  for (const leaf of leaves) {
    assert.deepEqual(
      leaf.chain.map((each) => Buffer.from(each).toString('hex')),
      fingerprints,
    );
  }
  assert.deepEqual(leaves[0]?.entry, { type: 'x509', certificate: final.der });
  assert.equal(leaves[0]?.precertificate, undefined);
  assert.deepEqual(leaves[1]?.precertificate, precert.der);
});

test('submitted again, an entry gets the index and the time it got first', async () => {
  const chain = [precertificate('again').der, issuing.der, root.der];
  const first = await submit('add-pre-chain', chain);
  await submit('add-pre-chain', [precertificate('between').der, issuing.der]);
  const second = await submit('add-pre-chain', chain);
  assert.deepEqual([second.timestampMs, second.extensions], [first.timestampMs, first.extensions]);
});

test('checkpoint and get-sth are one signature in two envelopes, and monitors of either kind see the same entries', async () => {
  const { head, leaves } = await monitor();
  const sth = JSON.parse((await bytes('/2026/ct/v1/get-sth')).toString()) as Record<string, unknown>;
  const { timestampMs, digitallySigned } = decodeCtNoteSignature(head.signature);
  assert.deepEqual(sth, {
    tree_size: head.size,
    timestamp: timestampMs,
    sha256_root_hash: Buffer.from(head.root).toString('base64'),
    tree_head_signature: Buffer.from(digitallySigned).toString('base64'),
  });
  const { entries } = JSON.parse((await bytes('/2026/ct/v1/get-entries?start=0&end=255')).toString()) as {
    entries: { leaf_input: string }[];
  };
  assert.deepEqual(
    entries.map(({ leaf_input }) => decodeMerkleTreeLeaf(Buffer.from(leaf_input, 'base64'))),
    leaves.map(({ timestampMs: time, entry, extensions }) => ({ timestampMs: time, entry, extensions })),
  );
});

test('full tiles stay, partial ones of every published size too, and a process that has just started serves the same', async (t) => {
  const { head } = await monitor();
  const log = server.handle.ct('ct1');
  const missing = Array.from({ length: 300 - head.size }, (_, i) => precertificate(`bulk ${i}`).der);
  await Promise.all(missing.map((der) => log.addPreChain([der, issuing.der])));
  const { leaves } = await monitor();
  assert.equal(leaves.length, 300);
  assert.equal((await bytes(`/2026/tile/0/000.p/${head.size}`)).length, head.size * 32);
  assert.equal(decodeDataTile(await bytes('/2026/tile/data/000.p/7')).length, 7);
  assert.equal((await bytes('/2026/tile/1/000.p/1')).length, 32);
  const cold = await startServer({ database: server.database, cacheBytes: 0, logs: [{ ...spec, create: false }] });
  t.after(() => cold.close());
  assert.deepEqual((await monitor(cold)).leaves, leaves);
});

test('caches may keep what is full for ever, the checkpoint never; gzip for those who take it', async () => {
  const cacheOf = async (path: string): Promise<unknown> => (await get(path)).headers['cache-control'];
  assert.equal(await cacheOf('/2026/checkpoint'), 'no-cache');
  assert.equal(await cacheOf('/2026/tile/0/000'), 'public, max-age=604800, immutable');
  assert.equal(await cacheOf('/2026/tile/data/000'), 'public, max-age=604800, immutable');
  assert.equal(await cacheOf('/2026/tile/data/001.p/44'), 'public, max-age=60');
  const full = await get('/2026/tile/data/000', [['accept-encoding', 'gzip']]);
  assert.equal(full.headers['content-encoding'], 'gzip');
  assert.deepEqual(gunzipSync(full.body), await bytes('/2026/tile/data/000'));
  const again = await get('/2026/tile/data/000', [
    ['accept-encoding', 'gzip'],
    ['if-none-match', String(full.headers['etag'])],
  ]);
  assert.equal(again.status, 304);
});

test('what is no resource of the layout is 404, another method 405, both as plain text', async () => {
  const unknown = 'ab'.repeat(32);
  for (const path of [
    'tile/entries/000',
    'tile/6/000.p/1',
    'tile/0/001',
    'tile/0/001.p/45',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/x000/000',
    'tile/00/000',
    'tile/data/002.p/1',
    'tile/data/0',
    'tile/data/',
    'tile/data/tile/data/000',
    `issuer/${unknown}`,
    `issuer/${Buffer.from(sha256(root.der)).toString('hex').toUpperCase()}`,
    'issuer/00',
    'issuer/',
  ]) {
    const answer = await get(`/2026/${path}`);
    assert.equal(answer.status, 404, path);
    assert.match(String(answer.headers['content-type']), /^text\/plain/, path);
  }
  for (const path of ['checkpoint', 'tile/0/000', 'tile/data/000', `issuer/${unknown}`]) {
    const answer = await send(server.port, { method: 'POST', path: `/2026/${path}`, body: Buffer.from('{}') });
    assert.equal(answer.status, 405, path);
    assert.equal(answer.body.toString(), 'Method Not Allowed\nmethod not allowed: POST\n');
    assert.equal((await send(server.port, { method: 'HEAD', path: `/2026/${path}` })).body.length, 0, path);
  }
  assert.equal(parseStaticTilePath('tile/entries/000'), undefined);
});

test('a log whose entries name no index has the RFC 6962 reads only', async () => {
  await server.handle.ct('ct2').addPreChain([precertificate('plain').der, issuing.der]);
  for (const path of [
    'checkpoint',
    'tile/0/000.p/1',
    'tile/data/000.p/1',
    `issuer/${Buffer.from(sha256(root.der)).toString('hex')}`,
  ]) {
    assert.equal((await get(`/plain/${path}`)).status, 404, path);
  }
  assert.equal((await get('/plain/ct/v1/get-entries?start=0&end=0')).status, 200);
});

test('the switch is fixed when the log is made', async () => {
  for (const one of [spec, plainSpec]) {
    const other = { ...one, create: false, leafIndex: one.leafIndex !== true };
    await assert.rejects(startServer({ database: server.database, logs: [other] }), (error: Error) => {
      assert.match(error.message, new RegExp(`was made with leafIndex ${String(one.leafIndex)}`));
      return true;
    });
  }
  for (const wrong of [
    { ...spec, kind: 'rekor-v2' as const },
    { ...spec, origin: 'no name' },
    { ...spec, admission: { rejectExpired: true, rejectUnexpired: true } },
    { ...spec, admission: { notAfterStartMs: 5, notAfterLimitMs: 5 } },
  ]) {
    await assert.rejects(startServer({ database: server.database, logs: [wrong] }), { code: 'misconfigured' });
  }
});

test('a checkpoint is that of one log', async () => {
  const rekor: LogSpec = {
    name: 'v2',
    origin: 'v2.example.com',
    kind: 'rekor-v2',
    signer,
    create: true,
    basePaths: ['/2026'],
  };
  await assert.rejects(startServer({ database: server.database, logs: [spec, rekor] }), /two logs would be served at/);
});

test('a leaf is what it is only at its own index, and only where the log names indexes', () => {
  const leaf = (extensions: Uint8Array): Uint8Array =>
    merkleTreeLeaf({ timestampMs: 5, entry: { type: 'x509', certificate: root.der }, extensions });
  const named = leaf(Buffer.from('0000050000000007', 'hex'));
  const on = { sha256, leafIndex: true };
  const off = { sha256, leafIndex: false };
  const identity = identityOfLeaf(named, 7, on);
  assert.ok(identity);
  assert.deepEqual(
    identity,
    identityOfLeaf(leaf(new Uint8Array(0)), 7, off),
    'identity depends on neither time nor index',
  );
  assert.equal(identityOfLeaf(named, 8, on), undefined);
  assert.equal(identityOfLeaf(named, 7, off), undefined);
  assert.equal(identityOfLeaf(leaf(new Uint8Array(0)), 7, on), undefined);
  assert.equal(identityOfLeaf(leaf(Buffer.from('0000050000000007010000', 'hex')), 7, on), undefined);
});

test('the logs stay sound through all of this', async () => {
  for (const name of ['ct1', 'ct2']) assert.deepEqual((await server.handle.fsck(name)).problems, []);
});
