import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodeDataTile,
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
  encodeTileLeaf,
  encodeX509ExtraData,
  FormatError,
  merkleTreeLeaf,
  type TileLeaf,
} from '../src/index.ts';

const bytes = (maxLength = 40): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });
const exactly = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const timestampMs = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const chain = fc.array(exactly(32), { maxLength: 4 });
const tileLeaf: fc.Arbitrary<TileLeaf> = fc.oneof(
  fc.record({
    timestampMs,
    entry: fc.record({ type: fc.constant('x509' as const), certificate: bytes() }),
    extensions: bytes(),
    precertificate: fc.constant(undefined),
    chain,
  }),
  fc.record({
    timestampMs,
    entry: fc.record({ type: fc.constant('precert' as const), issuerKeyHash: exactly(32), tbs: bytes() }),
    extensions: bytes(),
    precertificate: bytes(),
    chain,
  }),
);

/** Views and copies, pools and arrays: only the bytes count. */
const plain = (value: unknown): unknown =>
  value instanceof Uint8Array
    ? Buffer.from(value).toString('hex')
    : Array.isArray(value)
      ? value.map(plain)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
        : value;

test('a data tile gives back the entries it was made of, in their order', () => {
  fc.assert(
    fc.property(fc.array(tileLeaf, { maxLength: 5 }), (leaves) => {
      const tile = Buffer.concat(leaves.map(encodeTileLeaf));
      assert.deepEqual(plain(decodeDataTile(tile)), plain(leaves));
    }),
  );
});

test('a data tile that is cut off, or has a length changed, is refused or is another one: never half of one', () => {
  fc.assert(
    fc.property(
      fc.array(tileLeaf, { minLength: 1, maxLength: 3 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (leaves, at, flip) => {
        const tile = Buffer.concat(leaves.map(encodeTileLeaf));
        const cut = tile.subarray(0, at % tile.length);
        assertExact(cut, decodeDataTile, (all) => Buffer.concat(all.map(encodeTileLeaf)));
        const changed = Buffer.from(tile);
        changed.writeUInt8(changed.readUInt8(at % tile.length) ^ flip, at % tile.length);
        assertExact(changed, decodeDataTile, (all) => Buffer.concat(all.map(encodeTileLeaf)));
      },
    ),
    { numRuns: 500 },
  );
});

/** Either a coded refusal, or a value that is written back as exactly these bytes. */
function assertExact<T>(input: Uint8Array, decode: (input: Uint8Array) => T, encode: (value: T) => Uint8Array): void {
  let value: T;
  try {
    value = decode(input);
  } catch (error) {
    assert.ok(error instanceof FormatError, String(error));
    return;
  }
  assert.equal(Buffer.from(encode(value)).toString('hex'), Buffer.from(input).toString('hex'));
}

const CODECS: Record<string, (input: Uint8Array) => void> = {
  leaf: (input) => assertExact(input, decodeMerkleTreeLeaf, merkleTreeLeaf),
  'data tile': (input) => assertExact(input, decodeDataTile, (all) => Buffer.concat(all.map(encodeTileLeaf))),
  SCT: (input) => assertExact(input, decodeSct, encodeSct),
  'SCT list': (input) => assertExact(input, decodeSctList, encodeSctList),
  signature: (input) => assertExact(input, decodeDigitallySigned, encodeDigitallySigned),
  'extra data': (input) => assertExact(input, decodeX509ExtraData, encodeX509ExtraData),
  'extra data of a precertificate': (input) =>
    assertExact(input, decodePrecertExtraData, (value) => encodePrecertExtraData(value.precertificate, value.chain)),
};

for (const [name, check] of Object.entries(CODECS)) {
  test(`${name}: whatever bytes come, they are refused with a code or mean exactly themselves`, () => {
    // Short lengths and small numbers are what these structures are made of.
    const likely = fc.array(fc.oneof(fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 32), fc.nat(255)), { maxLength: 120 });
    fc.assert(
      fc.property(likely, (values) => check(Uint8Array.from(values))),
      { numRuns: 1000 },
    );
  });
}

test('the leaf_index extension holds 40 bits and is found among others, once', () => {
  const index = fc.integer({ min: 0, max: 2 ** 40 - 1 });
  fc.assert(
    fc.property(index, fc.integer({ min: 1, max: 255 }), bytes(), (n, type, data) => {
      const own = encodeLeafIndexExtension(n);
      assert.equal(own.length, 8);
      assert.equal(decodeLeafIndexExtension(own), n);
      const other = Buffer.concat([Buffer.of(type, 0, data.length), data]);
      assert.equal(decodeLeafIndexExtension(Buffer.concat([other, own])), n);
      assert.equal(decodeLeafIndexExtension(Buffer.concat([own, other])), n);
      assert.equal(decodeLeafIndexExtension(other), undefined);
      assert.throws(() => decodeLeafIndexExtension(Buffer.concat([own, own])), { code: 'tls_malformed' });
      assert.throws(() => decodeLeafIndexExtension(own.subarray(0, 7)), { code: 'tls_malformed' });
    }),
  );
  assert.equal(Buffer.from(encodeLeafIndexExtension(2 ** 40 - 1)).toString('hex'), '000005ffffffffff');
  for (const n of [2 ** 40, -1, 1.5]) assert.throws(() => encodeLeafIndexExtension(n), { code: 'tls_out_of_range' });
  assert.throws(() => decodeLeafIndexExtension(Buffer.from('00000400000000', 'hex')), { code: 'tls_malformed' });
  assert.throws(() => decodeLeafIndexExtension(Buffer.from('000006000000000000', 'hex')), { code: 'tls_malformed' });
});

test('what does not fit its length is not written', () => {
  const leaf: TileLeaf = {
    timestampMs: 1,
    entry: { type: 'x509', certificate: Buffer.of(1) },
    extensions: new Uint8Array(0),
    precertificate: undefined,
    chain: [],
  };
  assert.throws(() => encodeTileLeaf({ ...leaf, extensions: new Uint8Array(65_536) }), { code: 'tls_out_of_range' });
  assert.throws(() => encodeTileLeaf({ ...leaf, chain: [Buffer.alloc(31)] }), { code: 'tls_out_of_range' });
  assert.throws(() => encodeTileLeaf({ ...leaf, chain: Array<Buffer>(2048).fill(Buffer.alloc(32)) }), {
    code: 'tls_out_of_range',
  });
  assert.throws(() => encodeTileLeaf({ ...leaf, timestampMs: -1 }), { code: 'tls_out_of_range' });
});
