import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { jcs, noteVerifier, pae, parseSignedCheckpoint, publicKeyFromSpki, verifyNote } from '@sigstead/formats';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { certificate } from './support/certificates.ts';
import { dsse, hashedRekord, newKey } from './support/entries.ts';
import { type RawResponse, send } from './support/raw-http.ts';
import {
  type Answer,
  answerOf,
  post as postTo,
  treeSize as treeSizeAt,
  verified as verifiedFor,
} from './support/rekor-client.ts';
import { startServer, type TestServer } from './support/server.ts';
import { hasher } from './support/test-log.ts';

const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
const key = newKey();
let server: TestServer;
before(async () => {
  server = await startServer({
    logs: [{ name: 'v2', origin: 'log.example.com', kind: 'rekor-v2', signer, create: true }],
  });
});
after(() => server.close());

const post = (body: unknown, headers: [string, string][] = []): Promise<RawResponse> =>
  postTo(server.port, body, headers);

const get = (path: string): Promise<RawResponse> => send(server.port, { method: 'GET', path });

const treeSize = (): Promise<number> => treeSizeAt(server.port);

const indexOf = (response: RawResponse): number => Number(answerOf(response).logIndex);

/** Verifies an answer the way clients do and returns the leaf's bytes. */
const verified = (response: RawResponse): Buffer => verifiedFor(response, { origin: 'log.example.com', signer }).leaf;

test('a fresh log has a signed checkpoint of size 0, and the first entry gets index 0', async () => {
  const fresh = await startServer({
    logs: [{ name: 'f', origin: 'f.example.com', kind: 'rekor-v2', signer, create: true }],
  });
  const { checkpoint, note } = parseSignedCheckpoint(
    (await send(fresh.port, { method: 'GET', path: '/checkpoint' })).body.toString(),
  );
  verifyNote(note, [noteVerifier('f.example.com', publicKeyFromSpki(signer.spki))]);
  assert.deepEqual([checkpoint.size, Buffer.from(checkpoint.root)], [0, Buffer.from(hasher.empty())]);
  const body = Buffer.from(JSON.stringify(hashedRekord(key, 'zero')));
  const answer = await send(fresh.port, { method: 'POST', path: '/api/v2/log/entries', body });
  assert.equal((JSON.parse(answer.body.toString()) as Answer).logIndex, '0');
  await fresh.close();
});

test('the leaf is the canonical JSON of the entry, whatever the spelling of the request', async () => {
  const request = hashedRekord(key, 'canonical');
  const { digest, signature } = request.hashedRekordRequestV002;
  const leaf = verified(await post(request));
  const expected = {
    kind: 'hashedrekord',
    apiVersion: '0.0.2',
    spec: { hashedRekordV002: { signature, data: { digest, algorithm: 'SHA2_256' } } },
  };
  assert.equal(leaf.toString(), jcs(expected));
  const urlSafe = (text: string): string => text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  const { content, verifier } = signature;
  const raw = urlSafe((verifier['publicKey'] as { rawBytes: string }).rawBytes);
  const spelling = `\n{ "hashed_rekord_request_v002" : {"signature":{"verifier":{"key_details":5,"public_key":{"raw_bytes":"${raw}"}},"content":"${urlSafe(content)}"},"digest":"${urlSafe(digest)}"}} trailing`;
  const again = await post(Buffer.from(spelling));
  assert.deepEqual(verified(again), leaf);
});

test('B25 a duplicate is answered with the entry as it is under a current checkpoint, and fifty at once make one leaf', async () => {
  const size = await treeSize();
  const request = hashedRekord(key, 'fifty');
  const answers = await Promise.all(Array.from({ length: 50 }, () => post(request)));
  for (const answer of answers) verified(answer);
  assert.deepEqual([...new Set(answers.map(indexOf))], [size]);
  assert.equal(await treeSize(), size + 1);
  verified(await post(hashedRekord(key, 'after the fifty')));
  const later = await post(request);
  const [leaf, first] = [verified(later), verified(answers[0]!)];
  assert.deepEqual(leaf, first);
  const { logIndex, inclusionProof } = JSON.parse(later.body.toString()) as Answer;
  assert.deepEqual([logIndex, inclusionProof.treeSize], [String(size), String(size + 2)]);
});

test('a DSSE request with exactly one signature is logged as the hashedrekord over its encoding', async () => {
  const leaf = verified(await post(dsse(key, '{"a":1}')));
  const digest = createHash('sha256')
    .update(pae('application/vnd.in-toto+json', Buffer.from('{"a":1}')))
    .digest('base64');
  const entry = JSON.parse(leaf.toString()) as {
    kind: string;
    spec: { hashedRekordV002: { data: { digest: string } } };
  };
  assert.deepEqual([entry.kind, entry.spec.hashedRekordV002.data.digest], ['hashedrekord', digest]);
  const size = await treeSize();
  for (const [signatures, verifiers] of [
    [0, 1],
    [2, 1],
    [1, 0],
    [1, 2],
    [0, 0],
  ]) {
    const answer = await post(dsse(key, '{"b":1}', signatures, verifiers));
    assert.equal(answer.status, 400);
    assert.equal(
      (JSON.parse(answer.body.toString()) as { message: string }).message,
      'invalid type, must be hashedrekord',
    );
  }
  const forged = dsse(key, '{"c":1}') as { dsseRequestV002: { envelope: { payload: string } } };
  forged.dsseRequestV002.envelope.payload = Buffer.from('{"d":1}').toString('base64');
  assert.equal((await post(forged)).status, 400);
  assert.equal(await treeSize(), size, 'nothing of these was logged');
});

test('tile check 9: the largest entry a bundle can hold is served, a larger one is refused before it is sequenced', async () => {
  const request = hashedRekord(key, 'large');
  const { signature } = request.hashedRekordRequestV002;
  const withCertificate = (padding: number): unknown => {
    const extensions = [{ oid: '1.2.3.4', value: new Uint8Array(padding) }];
    const { der } = certificate({ subject: 'large', extensions, key });
    const verifier = { x509Certificate: { rawBytes: der.toString('base64') }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' };
    return { hashedRekordRequestV002: { ...request.hashedRekordRequestV002, signature: { ...signature, verifier } } };
  };
  const size = await treeSize();
  // A certificate's own signature is 70 to 72 bytes, so the first size that is refused is found by looking.
  let padding = 47_900;
  let largest: Buffer = Buffer.alloc(0);
  for (; ; padding += 8) {
    const answer = await post(withCertificate(padding));
    if (answer.status !== 201) {
      assert.equal(answer.status, 400);
      assert.deepEqual(JSON.parse(answer.body.toString()), {
        code: 3,
        message: 'invalid hashedrekord request',
        details: [],
      });
      break;
    }
    largest = verified(answer);
  }
  assert.ok(largest.length <= 65_535 && largest.length > 65_500, String(largest.length));
  const last = (await treeSize()) - 1;
  assert.ok(last >= size);
  const bundle = (await get(`/tile/entries/000.p/${last + 1}`)).body;
  assert.deepEqual(bundle.subarray(-largest.length), largest);
  assert.equal(bundle.readUInt16BE(bundle.length - largest.length - 2), largest.length);
  verified(await post(hashedRekord(key, 'after a refused one')));
});

test('one bit changed anywhere in digest or signature is refused, and the log does not grow', async () => {
  const size = await treeSize();
  const good = hashedRekord(key, 'bits').hashedRekordRequestV002;
  const flip = (text: string, byte: number): string => {
    const bytes = Buffer.from(text, 'base64');
    bytes[byte % bytes.length]! ^= 1;
    return bytes.toString('base64');
  };
  for (let byte = 0; byte < 32; byte += 5) {
    const bad = { hashedRekordRequestV002: { ...good, digest: flip(good.digest, byte) } };
    assert.equal((await post(bad)).status, 400);
    const signature = { ...good.signature, content: flip(good.signature.content, byte) };
    assert.equal((await post({ hashedRekordRequestV002: { ...good, signature } })).status, 400);
  }
  assert.equal(await treeSize(), size);
});

test('hostile bodies, headers and paths never make a 5xx, leak no stack, and log nothing', async () => {
  const size = await treeSize();
  const good = JSON.stringify(hashedRekord(key, 'hostile'));
  const mutated = fc
    .tuple(fc.nat(good.length), fc.nat(20), fc.string({ maxLength: 12, unit: 'binary' }))
    .map(([at, cut, put]) => Buffer.from(good.slice(0, at) + put + good.slice(Math.min(good.length, at + 1 + cut))));
  const garbage = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  const json = fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text));
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated, garbage, json), async (body) => {
      const answer = await post(body);
      const text = answer.body.toString();
      if (answer.status === 201) return;
      assert.equal(answer.status, 400, text);
      assert.ok(!/node:|\.ts|at .*\(/.test(text), text);
    }),
    { numRuns: 300 },
  );
  for (const path of [
    '/tile/0/%00',
    '/tile/entries/%2e%2e',
    `/tile/0/${'x000/'.repeat(500)}000`,
    '/api/v2/tile/%F0%9F%92%A9/1',
    '/checkpoint?%zz',
  ]) {
    const answer = await get(path);
    assert.ok(answer.status < 500, `${path}: ${answer.status}`);
  }
  // A mutation may leave the entry as it was (trailing text, white space): then it is logged once.
  assert.ok((await treeSize()) - size <= 1);
});

test('B24 a body over the limit is refused while it arrives', async () => {
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
    socket.write(
      'POST /api/v2/log/entries HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n',
    );
    const chunk = `10000\r\n${'a'.repeat(65536)}\r\n`;
    // Five MiB and never the last chunk: the answer must not wait for it.
    for (let i = 0; i < 80; i++) socket.write(chunk);
  });
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.match(answer, /\{"code":3,"message":"http: request body too large","details":\[\]\}/);
});

test('Grpc-Timeout: malformed is 400, spent is 504, enough is enough', async () => {
  const request = hashedRekord(key, 'timeout');
  assert.equal((await post(request, [['Grpc-Timeout', 'abc']])).status, 400);
  assert.equal((await post(request, [['Grpc-Timeout', '1n']])).status, 504);
  assert.equal((await post(request, [['Grpc-Timeout', '10S']])).status, 201);
});

test('B29 a full queue says so at once, with the text clients wait for, and uses no index', async () => {
  const queue = { maxEntries: 0, maxBytes: 1000, maxBatchEntries: 1, maxBatchBytes: 1000 };
  const log = { name: 'full', origin: 'full.example.com', kind: 'rekor-v2', signer, create: true } as const;
  const full = await startServer({ logs: [log], queue });
  const body = Buffer.from(JSON.stringify(hashedRekord(key, 'full')));
  const answer = await send(full.port, { method: 'POST', path: '/api/v2/log/entries', body });
  assert.equal(answer.status, 503);
  assert.equal(answer.headers['retry-after'], '1');
  const text = { code: 14, message: 'reached max pushback; retry', details: [] };
  assert.deepEqual(JSON.parse(answer.body.toString()), text);
  assert.equal(full.handle.stats()[0]?.size, 0);
  await full.close();
});

test('metrics: new entries are counted under the name dashboards know, duplicates are not', async () => {
  const count = async (): Promise<number> => {
    const line = /^rekor_v2_new_hashedrekord_entries (\d+)$/m.exec(await server.metrics.text());
    return Number(line?.[1]);
  };
  const before_ = await count();
  const request = hashedRekord(key, 'counted');
  await post(request);
  await post(request);
  assert.equal(await count(), before_ + 1);
  assert.match(await server.metrics.text(), /^rekor_v2_inclusion_proof_failure_total 0$/m);
});

test('the log stays sound through all of this', async () => {
  const report = await server.handle.fsck('v2');
  assert.deepEqual(report.problems, []);
  assert.equal(report.size, await treeSize());
  assert.deepEqual(await server.handle.ready(), { ok: true });
});
