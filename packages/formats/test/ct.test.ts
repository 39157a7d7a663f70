import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addChainResponse,
  decodeDigitallySigned,
  decodeLeafIndexExtension,
  decodeMerkleTreeLeaf,
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
  merkleTreeLeaf,
  parseAddChainResponse,
  type Sct,
  sctSignatureInput,
  sthSignatureInput,
  type TimestampedEntry,
} from '../src/index.ts';

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
