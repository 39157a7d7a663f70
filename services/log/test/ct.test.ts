import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  addChainRequest,
  decodeMerkleTreeLeaf,
  decodePrecertExtraData,
  merkleTreeLeaf,
  parseAddChainResponse,
  parseCertificate,
  publicKeyFromSpki,
  type Sct,
  sctSignatureInput,
  sthSignatureInput,
  tbsWithoutExtension,
  verifyCtSignature,
  Oid,
} from '@sigstead/formats';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { verifyConsistency, verifyInclusion } from '@sigstead/merkle';
import { certificate, isCa, POISON, type TestCertificate, type TestExtension } from './support/certificates.ts';
import { type RawResponse, send } from './support/raw-http.ts';
import { startServer, type TestServer } from './support/server.ts';
import { fakeClock, hasher, sha256 } from './support/test-log.ts';

const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
const logKey = publicKeyFromSpki(signer.spki);
const clock = fakeClock();
const root = certificate({ subject: 'root', extensions: [isCa()] });
const issuing = certificate({ subject: 'issuing', issuer: root, extensions: [isCa(0)] });
const plain: TestExtension = { oid: '1.2.3.4', value: Buffer.from('text') };

let server: TestServer;
before(async () => {
  server = await startServer({
    clock,
    logs: [{ name: 'ct1', origin: 'ct.example.com', kind: 'ct', signer, acceptedRoots: [root.der], create: true }],
  });
});
after(() => server.close());

const precertificate = (subject: string): TestCertificate =>
  certificate({ subject, issuer: issuing, extensions: [plain, POISON] });

function post(path: string, chain: readonly Uint8Array[]): Promise<RawResponse> {
  const body = Buffer.from(JSON.stringify(addChainRequest(chain)));
  return send(server.port, { method: 'POST', path: `/ct/ct1/ct/v1/${path}`, body });
}

async function get<T>(path: string): Promise<T> {
  const answer = await send(server.port, { method: 'GET', path: `/ct/ct1/ct/v1/${path}` });
  assert.equal(answer.status, 200, answer.body.toString());
  return JSON.parse(answer.body.toString()) as T;
}

interface Sth {
  tree_size: number;
  timestamp: number;
  sha256_root_hash: string;
  tree_head_signature: string;
}

async function sth(): Promise<{ size: number; root: Buffer; timestampMs: number }> {
  const answer = await get<Sth>('get-sth');
  const head = {
    treeSize: answer.tree_size,
    root: Buffer.from(answer.sha256_root_hash, 'base64'),
    timestampMs: answer.timestamp,
  };
  assert.ok(verifyCtSignature(logKey, sthSignatureInput(head), Buffer.from(answer.tree_head_signature, 'base64')));
  return { size: head.treeSize, root: head.root, timestampMs: head.timestampMs };
}

/** The entry as RFC 6962 §3.2 defines it, derived by the test from the parts it made. */
function precertEntry(precert: TestCertificate) {
  const tbs = tbsWithoutExtension(parseCertificate(precert.der), Oid.ctPoison);
  return { type: 'precert', issuerKeyHash: sha256(issuing.spki), tbs } as const;
}

function assertSct(sct: Sct, precert: TestCertificate): void {
  assert.deepEqual(Buffer.from(sct.logId), Buffer.from(sha256(signer.spki)));
  assert.equal(sct.extensions.length, 0);
  const { timestampMs, extensions } = sct;
  const input = sctSignatureInput({ timestampMs, extensions, entry: precertEntry(precert) });
  assert.ok(verifyCtSignature(logKey, input, sct.signature));
}

test('a precertificate gets an SCT over its TBS without poison, and is in the signed tree by then', async () => {
  const precert = precertificate('one');
  const answer = await post('add-pre-chain', [precert.der, issuing.der, root.der]);
  assert.equal(answer.status, 200, answer.body.toString());
  const sct = parseAddChainResponse(answer.body);
  assertSct(sct, precert);
  const head = await sth();
  const leaf = merkleTreeLeaf({
    timestampMs: sct.timestampMs,
    entry: precertEntry(precert),
    extensions: new Uint8Array(0),
  });
  const leafHash = hasher.leaf(leaf);
  const query = `hash=${encodeURIComponent(Buffer.from(leafHash).toString('base64'))}&tree_size=${head.size}`;
  const found = await get<{ leaf_index: number; audit_path: string[] }>(`get-proof-by-hash?${query}`);
  const proof = found.audit_path.map((each) => Buffer.from(each, 'base64'));
  verifyInclusion({ hasher, index: found.leaf_index, size: head.size, leafHash, proof, root: head.root });
});

test('the same precertificate again gets the time of the first, also from a chain without root and in process', async () => {
  const precert = precertificate('again');
  const first = parseAddChainResponse((await post('add-pre-chain', [precert.der, issuing.der, root.der])).body);
  const { size } = await sth();
  clock.set(clock.nowMs() + 60_000);
  const second = parseAddChainResponse((await post('add-pre-chain', [precert.der, issuing.der])).body);
  const third = await server.handle.ct('ct1').addPreChain([precert.der, issuing.der]);
  for (const sct of [second, third]) {
    assert.equal(sct.timestampMs, first.timestampMs);
    assertSct(sct, precert);
  }
  assert.equal((await sth()).size, size);
});

test('a final certificate is logged as such, with its chain beside it', async () => {
  const final = certificate({ subject: 'final', issuer: issuing, extensions: [plain] });
  const sct = parseAddChainResponse((await post('add-chain', [final.der, issuing.der, root.der])).body);
  const entry = { type: 'x509', certificate: final.der } as const;
  const { timestampMs, extensions } = sct;
  assert.ok(verifyCtSignature(logKey, sctSignatureInput({ timestampMs, extensions, entry }), sct.signature));
});

test('chains that prove nothing are refused, and nothing of them is logged', async () => {
  const { size } = await sth();
  const stranger = certificate({ subject: 'root', extensions: [isCa()] });
  const sameName = certificate({ subject: 'issuing', issuer: stranger, extensions: [isCa()] });
  const precert = precertificate('bad');
  const by = (issuer: TestCertificate, extensions: TestExtension[] = [POISON]): TestCertificate =>
    certificate({ subject: 'leaf', issuer, extensions });
  const notCa = certificate({ subject: 'notca', issuer: root, extensions: [plain] });
  const below = certificate({ subject: 'below', issuer: issuing, extensions: [isCa()] });
  const flipped = Buffer.from(precert.der);
  flipped[flipped.length - 1]! ^= 1;
  const bad: Record<string, Uint8Array[]> = {
    'no chain at all': [],
    'leaf alone': [precert.der],
    'unknown root': [by(stranger).der, stranger.der],
    'issuer of the right name and another key': [precert.der, sameName.der, stranger.der],
    'wrong order': [precert.der, root.der, issuing.der],
    'a signature with one bit changed': [flipped, issuing.der, root.der],
    'issuer that is no CA': [by(notCa).der, notCa.der, root.der],
    'path longer than allowed': [by(below).der, below.der, issuing.der, root.der],
    'no poison': [by(issuing, [plain]).der, issuing.der, root.der],
    'poison not critical': [by(issuing, [{ ...POISON, critical: false }]).der, issuing.der, root.der],
    'poison that is not NULL': [by(issuing, [{ ...POISON, value: Buffer.of(0x04, 0x00) }]).der, issuing.der, root.der],
    'trailing byte': [Buffer.concat([precert.der, Buffer.of(0)]), issuing.der, root.der],
    garbage: [Buffer.from('garbage'), issuing.der],
    'eleven certificates': [precert.der, ...Array<Buffer>(10).fill(issuing.der)],
    'the root itself': [root.der, root.der],
  };
  for (const [name, chain] of Object.entries(bad)) {
    const answer = await post('add-pre-chain', chain);
    assert.equal(answer.status, 400, `${name}: ${answer.status} ${answer.body.toString()}`);
    assert.match(String(answer.headers['content-type']), /^text\/plain/);
  }
  const poisoned = await post('add-chain', [precert.der, issuing.der, root.der]);
  assert.equal(poisoned.status, 400);
  assert.equal((await sth()).size, size);
});

test('time of heads is strictly newer while the clock stands still, and a clock that went back stops signing', async () => {
  const before_ = await sth();
  for (let i = 0; i < 3; i++) {
    const answer = await post('add-pre-chain', [precertificate(`still ${i}`).der, issuing.der]);
    assert.equal(answer.status, 200);
  }
  const after_ = await sth();
  assert.ok(after_.timestampMs >= before_.timestampMs + 3);
  const now = clock.nowMs();
  clock.set(after_.timestampMs - 1001);
  const answer = await post('add-pre-chain', [precertificate('back').der, issuing.der]);
  assert.equal(answer.status, 503);
  assert.equal(answer.headers['retry-after'], '1');
  assert.deepEqual(await sth(), after_);
  clock.set(now + 5000);
  assert.equal((await post('add-pre-chain', [precertificate('back').der, issuing.der])).status, 200);
});

test('a head that got old while nothing was logged is signed anew: same tree, later time, one note more', async () => {
  const old = await sth();
  clock.set(clock.nowMs() + 3_599_000);
  assert.deepEqual(await sth(), old);
  clock.set(clock.nowMs() + 2000);
  const renewed = await Promise.all([sth(), sth(), sth()]);
  for (const each of renewed) {
    assert.deepEqual([each.size, each.root], [old.size, old.root]);
    assert.equal(each.timestampMs, clock.nowMs());
  }
  // The next entry goes on from the renewed time, not from the one before.
  clock.set(clock.nowMs() - 500);
  const sct = parseAddChainResponse((await post('add-pre-chain', [precertificate('later').der, issuing.der])).body);
  assert.ok(sct.timestampMs > renewed[0].timestampMs);
});

test('monitors can read: entries with chains, consistency, entry and proof, roots', async () => {
  const head = await sth();
  const { entries } = await get<{ entries: { leaf_input: string; extra_data: string }[] }>(
    'get-entries?start=0&end=999',
  );
  assert.equal(entries.length, head.size);
  const first = decodeMerkleTreeLeaf(Buffer.from(entries[0]!.leaf_input, 'base64'));
  assert.equal(first.entry.type, 'precert');
  const extra = decodePrecertExtraData(Buffer.from(entries[0]!.extra_data, 'base64'));
  assert.deepEqual(
    extra.chain.map((each) => Buffer.from(each)),
    [issuing.der, root.der],
  );
  const { consistency } = await get<{ consistency: string[] }>(`get-sth-consistency?first=1&second=${head.size}`);
  verifyConsistency({
    hasher,
    size1: 1,
    size2: head.size,
    root1: hasher.leaf(Buffer.from(entries[0]!.leaf_input, 'base64')),
    root2: head.root,
    proof: consistency.map((each) => Buffer.from(each, 'base64')),
  });
  const index = head.size - 1;
  const one = await get<{ leaf_input: string; audit_path: string[] }>(
    `get-entry-and-proof?leaf_index=${index}&tree_size=${head.size}`,
  );
  const proof = one.audit_path.map((each) => Buffer.from(each, 'base64'));
  const leafHash = hasher.leaf(Buffer.from(one.leaf_input, 'base64'));
  verifyInclusion({ hasher, index, size: head.size, leafHash, proof, root: head.root });
  const { certificates } = await get<{ certificates: string[] }>('get-roots');
  assert.deepEqual(certificates, [root.der.toString('base64')]);
});

test('impossible questions are 400 or 404, wrong methods 405, oversized bodies 413; never a 5xx', async () => {
  const path = (rest: string): string => `/ct/ct1/ct/v1/${rest}`;
  const ask = async (method: string, rest: string, body?: Buffer): Promise<number> =>
    (await send(server.port, { method, path: path(rest), ...(body === undefined ? {} : { body }) })).status;
  const hash = encodeURIComponent(Buffer.alloc(32).toString('base64'));
  for (const query of [
    'get-sth-consistency',
    'get-sth-consistency?first=2&second=1',
    'get-sth-consistency?first=0&second=99999',
    'get-sth-consistency?first=-1&second=1',
    'get-sth-consistency?first=1&first=1&second=2',
    'get-entries?start=5&end=4',
    'get-entries?start=99999&end=99999',
    'get-entries?start=9007199254740993&end=9007199254740993',
    'get-entries?start=1e1&end=20',
    'get-proof-by-hash?hash=AA&tree_size=1',
    `get-proof-by-hash?hash=${hash}&tree_size=0`,
    'get-entry-and-proof?leaf_index=3&tree_size=3',
  ]) {
    assert.equal(await ask('GET', query), 400, query);
  }
  assert.equal(await ask('GET', `get-proof-by-hash?hash=${hash}&tree_size=1`), 404);
  assert.equal(await ask('GET', 'add-pre-chain'), 405);
  assert.equal(await ask('POST', 'get-sth', Buffer.from('{}')), 405);
  assert.equal(await ask('POST', 'add-pre-chain', Buffer.alloc(600_000, 'a')), 413);
  for (const body of [
    '',
    '{}',
    '[]',
    'null',
    '{"chain":[]}',
    '{"chain":"x"}',
    '{"chain":["!"]}',
    '{"chain":[1]}',
    '{"chain":["AA=="]} x',
  ]) {
    assert.equal(await ask('POST', 'add-pre-chain', Buffer.from(body)), 400, body);
  }
});

test('what is wrong is said as CTFE says it, below the title of the status', async () => {
  const { size } = await sth();
  const hash = encodeURIComponent(Buffer.alloc(32).toString('base64'));
  const range = 'failed to parse consistency range';
  const entries = 'bad range on get-entries request';
  const entry = 'failed to parse get-entry-and-proof params';
  const texts: [string, number, string][] = [
    ['get-sth-consistency', 400, `${range}: parameter 'first' is required`],
    ['get-sth-consistency?first=1', 400, `${range}: parameter 'second' is required`],
    ['get-sth-consistency?first=a&second=1', 400, `${range}: parameter 'first' is malformed`],
    ['get-sth-consistency?first=2&second=1', 400, `${range}: invalid first, second params: 2 1`],
    ['get-sth-consistency?first=1&second=99999', 400, `need tree size: 99999 for proof but only got: ${size}`],
    ['get-proof-by-hash?tree_size=1', 400, 'get-proof-by-hash: missing / empty hash param for get-proof-by-hash'],
    ['get-proof-by-hash?hash=!&tree_size=1', 400, 'get-proof-by-hash: invalid base64 hash'],
    [`get-proof-by-hash?hash=${hash}&tree_size=0`, 400, 'get-proof-by-hash: missing or invalid tree_size: 0'],
    [`get-proof-by-hash?hash=${hash}&tree_size=99999`, 404, `log returned tree size: ${size} but we expected: 99999`],
    ['get-entries?start=a&end=1', 400, `${entries}: strconv.ParseInt: parsing "a": invalid syntax`],
    ['get-entries?end=1', 400, `${entries}: strconv.ParseInt: parsing "": invalid syntax`],
    [
      'get-entries?start=1&end=99999999999999999999',
      400,
      `${entries}: strconv.ParseInt: parsing "99999999999999999999": value out of range`,
    ],
    ['get-entries?start=5&end=4', 400, `${entries}: start (5) and end (4) is not a valid range`],
    ['get-entries?start=99999&end=99999', 400, `need tree size: 100000 to get leaves but only got: ${size}`],
    ['get-entry-and-proof?leaf_index=0&tree_size=0', 400, `${entry}: tree_size must be > 0, got: 0`],
    ['get-entry-and-proof?leaf_index=3&tree_size=3', 400, `${entry}: leaf_index 3 out of range for tree of size 3`],
    ['get-entry-and-proof?leaf_index=0&tree_size=99999', 400, `need tree size: 99999 for proof but only got: ${size}`],
    ['add-chain', 405, 'method not allowed: GET'],
  ];
  const titles: Record<number, string> = { 400: 'Bad Request', 404: 'Not Found', 405: 'Method Not Allowed' };
  for (const [path, status, text] of texts) {
    const answer = await send(server.port, { method: 'GET', path: `/ct/ct1/ct/v1/${path}` });
    assert.equal(answer.status, status, path);
    assert.equal(answer.body.toString(), `${titles[status]}\n${text}\n`);
  }
  const refused = async (body: string): Promise<string> =>
    (
      await send(server.port, { method: 'POST', path: '/ct/ct1/ct/v1/add-chain', body: Buffer.from(body) })
    ).body.toString();
  assert.match(await refused('{'), /^Bad Request\nfailed to parse add-chain body: /);
  assert.match(await refused('{"chain":["AA=="]}'), /^Bad Request\nfailed to verify add-chain contents: /);
  const stranger = certificate({ subject: 'stranger', extensions: [isCa()] });
  const leaf = certificate({ subject: 'leaf', issuer: stranger, extensions: [plain] });
  assert.equal(
    await refused(JSON.stringify(addChainRequest([leaf.der, stranger.der]))),
    'Bad Request\nfailed to verify add-chain contents: chain failed to verify: x509: certificate signed by unknown authority\n',
  );
});

test('answers that will not change may be kept, those at the edge of the tree may not', async () => {
  const { size } = await sth();
  const cache = async (path: string): Promise<unknown> =>
    (await send(server.port, { method: 'GET', path: `/ct/ct1/ct/v1/${path}` })).headers['cache-control'];
  assert.equal(await cache(`get-entries?start=0&end=${size - 1}`), 'public, max-age=86400');
  assert.equal(await cache(`get-entries?start=0&end=${size}`), 'no-cache');
  assert.equal(await cache(`get-sth-consistency?first=1&second=${size}`), 'public, max-age=86400');
  assert.equal(await cache('get-sth'), 'no-cache');
});

test('a read-only log goes on to sign its head, so that it grows no older than the merge delay; a frozen one is final', async (t) => {
  const time = fakeClock();
  const logs = [
    { name: 'ct1', origin: 'ct.example.com', kind: 'ct' as const, signer, acceptedRoots: [root.der], create: true },
  ];
  const own = await startServer({ clock: time, logs });
  t.after(() => own.close());
  const ask = async (from: TestServer): Promise<Sth> =>
    (await (await fetch(`${from.url}/ct/ct1/ct/v1/get-sth`)).json()) as Sth;
  await own.handle.ct('ct1').addPreChain([precertificate('only').der, issuing.der]);
  const later = (): void => time.set(time.nowMs() + 7_200_000);
  const first = await ask(own);
  for (const state of ['active', 'read-only'] as const) {
    await own.handle.changeState('ct1', state);
    later();
    const { timestamp, tree_head_signature: signature, ...tree } = await ask(own);
    assert.equal(timestamp, time.nowMs(), state);
    assert.deepEqual(tree, { tree_size: 1, sha256_root_hash: first.sha256_root_hash });
    const head = { treeSize: 1, root: Buffer.from(first.sha256_root_hash, 'base64'), timestampMs: timestamp };
    assert.ok(verifyCtSignature(logKey, sthSignatureInput(head), Buffer.from(signature, 'base64')));
  }
  await assert.rejects(own.handle.ct('ct1').addPreChain([precertificate('more').der, issuing.der]), {
    code: 'read_only',
  });
  // A process that takes no entries has the key all the same.
  await own.handle.changeState('ct1', 'active');
  const reader = await startServer({
    clock: time,
    database: own.database,
    logs: logs.map((log) => ({ ...log, readOnly: true })),
  });
  t.after(() => reader.close());
  later();
  assert.equal((await ask(reader)).timestamp, time.nowMs());
  await own.handle.changeState('ct1', 'frozen');
  const last = await ask(own);
  later();
  assert.deepEqual(await ask(own), last);
  assert.deepEqual((await own.handle.fsck('ct1')).problems, []);
});

test('the CT log stays sound through all of this', async () => {
  assert.deepEqual((await server.handle.fsck('ct1')).problems, []);
});
