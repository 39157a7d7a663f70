import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  addChainRequest,
  addChainResponse,
  ctDigitallySigned,
  decodePem,
  decodeSctList,
  encodeDigitallySigned,
  encodeSctList,
  FormatError,
  findExtension,
  Oid,
  type ParsedKey,
  parseAddChainRequest,
  parseAddChainResponse,
  parseCertificate,
  publicKeyFromSpki,
  readDer,
  sctSignatureInput,
  tbsWithoutExtension,
  verifyCtSignature,
} from '../src/index.ts';
import { RECORDED, recordedLines } from './support/recorded.ts';

const plain = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

test('SCTs embedded by upstream verify over our input, and their list is written back byte for byte', () => {
  const pem = readFileSync(new URL('keys/ct.pub', RECORDED));
  const key = publicKeyFromSpki(createPublicKey(pem).export({ format: 'der', type: 'spki' }));
  const [issuer] = decodePem(readFileSync(new URL('keys/ca-int.crt', RECORDED), 'utf8'));
  assert.ok(issuer);
  const issuerKeyHash = createHash('sha256').update(parseCertificate(issuer.bytes).spki).digest();
  let count = 0;
  for (const { response } of recordedLines<{ response: { leafDer?: string } }>('ca-certificates.jsonl').slice(0, 60)) {
    if (response.leafDer === undefined) continue;
    const certificate = parseCertificate(Buffer.from(response.leafDer, 'base64'));
    const extension = findExtension(certificate, Oid.ctSctList) ?? assert.fail();
    const list = readDer(extension.value).octetString();
    const [sct, ...more] = decodeSctList(list);
    assert.ok(sct);
    assert.equal(more.length, 0);
    assert.deepEqual(plain(encodeSctList([sct])), plain(list));
    assert.deepEqual(plain(sct.logId), plain(createHash('sha256').update(key.spki).digest()));
    const tbs = tbsWithoutExtension(certificate, Oid.ctSctList);
    const input = sctSignatureInput({ ...sct, entry: { type: 'precert', issuerKeyHash, tbs } });
    assert.equal(verifyCtSignature(key, input, sct.signature), true);
    const moved = sctSignatureInput({
      ...sct,
      timestampMs: sct.timestampMs + 1,
      entry: { type: 'precert', issuerKeyHash, tbs },
    });
    assert.equal(verifyCtSignature(key, moved, sct.signature), false);
    assert.equal(
      verifyCtSignature(key, sctSignatureInput({ ...sct, entry: { type: 'x509', certificate: tbs } }), sct.signature),
      false,
    );
    count++;
  }
  assert.ok(count >= 20, String(count));
});

test('a log signature verifies only in its own envelope: hash, algorithm, DER', () => {
  const message = Buffer.from('signed by a log');
  const pairs = [
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ];
  for (const { publicKey, privateKey } of pairs) {
    const key: ParsedKey = publicKeyFromSpki(publicKey.export({ format: 'der', type: 'spki' }));
    const signature = sign('sha256', message, privateKey);
    const envelope = ctDigitallySigned(key.kind, signature);
    assert.equal(verifyCtSignature(key, message, envelope), true);
    assert.equal(verifyCtSignature(key, Buffer.from('x'), envelope), false);
    for (const [hashAlgorithm, signatureAlgorithm] of [
      [5, key.kind === 'rsa' ? 1 : 3],
      [4, key.kind === 'rsa' ? 3 : 1],
      [0, 0],
    ] as const) {
      assert.equal(
        verifyCtSignature(key, message, encodeDigitallySigned({ hashAlgorithm, signatureAlgorithm, signature })),
        false,
      );
    }
    assert.equal(verifyCtSignature(key, message, Buffer.concat([envelope, Buffer.of(0)])), false);
    assert.equal(verifyCtSignature(key, message, Buffer.alloc(0)), false);
    if (key.kind !== 'rsa') {
      const p1363 = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      assert.equal(
        verifyCtSignature(key, message, ctDigitallySigned(key.kind, p1363)),
        false,
        'no CT client reads P1363',
      );
    }
  }
  assert.throws(() => ctDigitallySigned('ed25519', Buffer.alloc(64)), { code: 'key_unparsable' });
});

test('add-chain bodies are read strictly', () => {
  const chain = [Buffer.from('leaf'), Buffer.from('issuer')];
  assert.deepEqual(parseAddChainRequest(JSON.stringify(addChainRequest(chain))).map(String), chain.map(String));
  const bad = [
    '',
    '{}',
    '[]',
    'null',
    '{"chain":null}',
    '{"chain":"QQ=="}',
    '{"chain":[]}',
    '{"chain":[5]}',
    '{"chain":["Q"]}',
    '{"chain":["QQ"]}',
    '{"chain":["QQ=="]} x',
    `{"chain":[${Array(21).fill('"QQ=="').join(',')}]}`,
  ];
  for (const body of bad) assert.throws(() => parseAddChainRequest(body), FormatError, body);
});

test('add-chain answers that no log may give are refused', () => {
  const good = addChainResponse({
    logId: Buffer.alloc(32),
    timestampMs: 5,
    extensions: Buffer.alloc(0),
    signature: Buffer.of(4, 3, 0, 1, 7),
  });
  assert.equal(parseAddChainResponse(JSON.stringify({ ...good, extensions: undefined })).extensions.length, 0);
  const bad: Record<string, unknown>[] = [
    { sct_version: 1 },
    { sct_version: undefined },
    { id: 'AAAA' },
    { id: null },
    { timestamp: -1 },
    { timestamp: 1.5 },
    { timestamp: '5' },
    { timestamp: 2 ** 53 },
    { extensions: '!' },
    { signature: '' },
    { signature: Buffer.of(4, 3, 0, 1, 7, 7).toString('base64') },
  ];
  for (const change of bad)
    assert.throws(
      () => parseAddChainResponse(JSON.stringify({ ...good, ...change })),
      FormatError,
      JSON.stringify(change),
    );
  for (const body of ['', '[]', '<html>', `${JSON.stringify(good)}x`])
    assert.throws(() => parseAddChainResponse(body), FormatError);
});
