import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addChainRequest,
  addChainResponse,
  ctDigitallySigned,
  decodeDigitallySigned,
  decodeLeafIndexExtension,
  decodeMerkleTreeLeaf,
  decodePem,
  decodePrecertExtraData,
  decodeSct,
  decodeSctList,
  decodeX509ExtraData,
  encodeDigitallySigned,
  encodeLeafIndexExtension,
  encodePrecertExtraData,
  encodeSct,
  encodeSctList,
  encodeX509ExtraData,
  FormatError,
  findExtension,
  merkleTreeLeaf,
  Oid,
  type ParsedKey,
  parseAddChainRequest,
  parseAddChainResponse,
  parseCertificate,
  publicKeyFromSpki,
  readDer,
  type Sct,
  sctSignatureInput,
  sthSignatureInput,
  type TimestampedEntry,
  tbsWithoutExtension,
  verifyCtSignature,
} from '../src/index.ts';

const VECTORS = new URL('../../../test/vectors/recorded/', import.meta.url);
const plain = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);
const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: length });
const hash32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

const entries: fc.Arbitrary<TimestampedEntry> = fc.record({
  timestampMs: fc.maxSafeNat(),
  extensions: bytes(20),
  entry: fc.oneof(
    fc.record({ type: fc.constant('x509' as const), certificate: bytes(50) }),
    fc.record({ type: fc.constant('precert' as const), issuerKeyHash: hash32, tbs: bytes(50) }),
  ),
});

const scts: fc.Arbitrary<Sct> = fc.record({
  logId: hash32,
  timestampMs: fc.maxSafeNat(),
  extensions: bytes(20),
  signature: bytes(80).map((signature) =>
    plain(encodeDigitallySigned({ hashAlgorithm: 4, signatureAlgorithm: 3, signature })),
  ),
});

function tlsError(error: unknown): boolean {
  return error instanceof FormatError && (error.code === 'tls_malformed' || error.code === 'tls_out_of_range');
}

test('SCTs embedded by upstream verify over our input, and their list is written back byte for byte', () => {
  const pem = readFileSync(new URL('keys/ct.pub', VECTORS));
  const key = publicKeyFromSpki(createPublicKey(pem).export({ format: 'der', type: 'spki' }));
  const [issuer] = decodePem(readFileSync(new URL('keys/ca-int.crt', VECTORS), 'utf8'));
  assert.ok(issuer);
  const issuerKeyHash = createHash('sha256').update(parseCertificate(issuer.bytes).spki).digest();
  let count = 0;
  for (const line of readFileSync(new URL('ca-certificates.jsonl', VECTORS), 'utf8').trim().split('\n').slice(0, 60)) {
    const { response } = JSON.parse(line) as { response: { leafDer?: string } };
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

test('SCTs, lists and add-chain answers round-trip', () => {
  fc.assert(
    fc.property(fc.array(scts, { minLength: 1, maxLength: 3 }), (list) => {
      const read = decodeSctList(encodeSctList(list));
      const same = (sct: Sct) => ({
        ...sct,
        logId: plain(sct.logId),
        extensions: plain(sct.extensions),
        signature: plain(sct.signature),
      });
      assert.deepEqual(read.map(same), list.map(same));
      for (const sct of list) {
        assert.deepEqual(same(decodeSct(encodeSct(sct))), same(sct));
        assert.deepEqual(same(parseAddChainResponse(JSON.stringify(addChainResponse(sct)))), same(sct));
      }
    }),
  );
});

test('leaves round-trip, and are the bytes an SCT signs (both begin 00 00 in version 1)', () => {
  fc.assert(
    fc.property(entries, (entry) => {
      const leaf = merkleTreeLeaf(entry);
      assert.deepEqual(merkleTreeLeaf(decodeMerkleTreeLeaf(leaf)), leaf);
      const input = sctSignatureInput(entry);
      assert.deepEqual(plain(leaf), plain(input));
    }),
  );
});

test('known bytes: an x509 and a precert leaf, a tree head', () => {
  const extensions = encodeLeafIndexExtension(0x0102030405);
  const x509: TimestampedEntry = {
    timestampMs: 1,
    extensions,
    entry: { type: 'x509', certificate: Buffer.from('abc') },
  };
  assert.equal(
    Buffer.from(merkleTreeLeaf(x509)).toString('hex'),
    `0000${'0000000000000001'}0000000003616263${'0008'}0000050102030405`,
  );
  const issuerKeyHash = Buffer.alloc(32, 0xaa);
  const precert: TimestampedEntry = {
    timestampMs: 2 ** 40,
    extensions: Buffer.alloc(0),
    entry: { type: 'precert', issuerKeyHash, tbs: Buffer.of(1) },
  };
  assert.equal(
    Buffer.from(sctSignatureInput(precert)).toString('hex'),
    `0000${'0000010000000000'}0001${'aa'.repeat(32)}000001010000`,
  );
  const head = { timestampMs: 3, treeSize: 4, root: Buffer.alloc(32, 0xbb) };
  assert.equal(
    Buffer.from(sthSignatureInput(head)).toString('hex'),
    `0001${'0000000000000003'}${'0000000000000004'}${'bb'.repeat(32)}`,
  );
});

test('every cut, every extra byte and every unknown type is refused with a code', () => {
  const sct: Sct = {
    logId: Buffer.alloc(32, 1),
    timestampMs: 5,
    extensions: Buffer.of(9),
    signature: Buffer.of(4, 3, 0, 1, 7),
  };
  const leaf = merkleTreeLeaf({
    timestampMs: 1,
    extensions: Buffer.alloc(0),
    entry: { type: 'precert', issuerKeyHash: Buffer.alloc(32), tbs: Buffer.of(1) },
  });
  const chain = [Buffer.from('a'), Buffer.from('bc')];
  const cases: [string, Uint8Array, (bytes: Uint8Array) => unknown][] = [
    ['sct', encodeSct(sct), decodeSct],
    ['list', encodeSctList([sct, sct]), decodeSctList],
    ['leaf', leaf, decodeMerkleTreeLeaf],
    ['signature', sct.signature, decodeDigitallySigned],
    ['x509 chain', encodeX509ExtraData(chain), decodeX509ExtraData],
    ['precert chain', encodePrecertExtraData(Buffer.from('p'), chain), decodePrecertExtraData],
  ];
  for (const [name, good, decode] of cases) {
    decode(good);
    for (let length = 0; length < good.length; length++)
      assert.throws(() => decode(good.subarray(0, length)), tlsError, `${name} ${length}`);
    assert.throws(() => decode(Buffer.concat([good, Buffer.of(0)])), tlsError, name);
  }
  const changed = (source: Uint8Array, at: number, value: number): Uint8Array => {
    const copy = plain(source);
    copy[at] = value;
    return copy;
  };
  assert.throws(() => decodeSct(changed(encodeSct(sct), 0, 1)), tlsError);
  assert.throws(() => decodeSct(changed(encodeSct(sct), 33, 0xff)), tlsError, 'time beyond safe integers');
  for (const at of [0, 1, 11]) assert.throws(() => decodeMerkleTreeLeaf(changed(leaf, at, 2)), tlsError);
  assert.throws(() => decodeSctList(Buffer.of(0, 0)), tlsError);
});

test('random bytes never crash a decoder', () => {
  const decoders = [
    decodeSct,
    decodeSctList,
    decodeMerkleTreeLeaf,
    decodeDigitallySigned,
    decodeX509ExtraData,
    decodePrecertExtraData,
    decodeLeafIndexExtension,
  ];
  fc.assert(
    fc.property(fc.constantFrom(...decoders), bytes(80), (decode, input) => {
      try {
        decode(input);
      } catch (error) {
        assert.ok(tlsError(error), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('what does not fit its field is never written', () => {
  const sct: Sct = {
    logId: Buffer.alloc(32),
    timestampMs: 5,
    extensions: Buffer.alloc(0),
    signature: Buffer.of(4, 3, 0, 1, 7),
  };
  const bad: Partial<Sct>[] = [
    { logId: Buffer.alloc(31) },
    { timestampMs: -1 },
    { timestampMs: 1.5 },
    { timestampMs: 2 ** 53 },
    { extensions: Buffer.alloc(65536) },
    { signature: Buffer.of(4, 3, 0, 2, 7) },
    { signature: Buffer.alloc(0) },
  ];
  for (const change of bad) assert.throws(() => encodeSct({ ...sct, ...change }), tlsError, JSON.stringify(change));
  assert.throws(() => encodeSctList([]), tlsError);
  assert.throws(() => encodeLeafIndexExtension(2 ** 40), tlsError);
  const entry = { type: 'precert' as const, issuerKeyHash: Buffer.alloc(31), tbs: Buffer.of(1) };
  assert.throws(() => merkleTreeLeaf({ timestampMs: 1, extensions: Buffer.alloc(0), entry }), tlsError);
  assert.throws(() => sthSignatureInput({ timestampMs: 1, treeSize: 1, root: Buffer.alloc(33) }), tlsError);
});

test('the leaf index extension is 40 bits, and other extensions beside it are skipped', () => {
  assert.equal(Buffer.from(encodeLeafIndexExtension(2 ** 40 - 1)).toString('hex'), '000005ffffffffff');
  for (const index of [0, 1, 2 ** 32, 2 ** 40 - 1])
    assert.equal(decodeLeafIndexExtension(encodeLeafIndexExtension(index)), index);
  const other = Buffer.of(7, 0, 1, 9);
  assert.equal(decodeLeafIndexExtension(Buffer.concat([other, encodeLeafIndexExtension(5)])), 5);
  assert.equal(decodeLeafIndexExtension(other), undefined);
  assert.equal(decodeLeafIndexExtension(Buffer.alloc(0)), undefined);
  assert.throws(
    () => decodeLeafIndexExtension(Buffer.concat([encodeLeafIndexExtension(5), encodeLeafIndexExtension(5)])),
    tlsError,
  );
  assert.throws(() => decodeLeafIndexExtension(Buffer.of(0, 0, 4, 1, 2, 3, 4)), tlsError);
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
