import { isDeepStrictEqual } from 'node:util';
import { expect, type FuzzTarget, parsed } from '@sigstead/test/fuzz';
import { decodeWire, encodeWire, FormatError, KEY_DETAILS_ENUM, type WireSchema } from '../../src/index.ts';

const INNER = {
  data: { kind: 'bytes', number: 1 },
  text: { kind: 'string', number: 2 },
  chosen: { kind: 'bytes', number: 3, oneof: 'one' },
  other: { kind: 'string', number: 4, oneof: 'one' },
} as const satisfies WireSchema;

/** Every kind of field there is, alone and repeated. */
const SCHEMA = {
  flag: { kind: 'bool', number: 1 },
  small: { kind: 'int32', number: 2 },
  count: { kind: 'uint32', number: 3 },
  signed: { kind: 'int64', number: 4 },
  large: { kind: 'uint64', number: 5 },
  details: { kind: 'enum', values: KEY_DETAILS_ENUM, number: 6 },
  inner: { kind: 'message', message: INNER, number: 7 },
  many: { kind: 'message', message: INNER, repeated: true, number: 15 },
  blobs: { kind: 'bytes', repeated: true, number: 16 },
  numbers: { kind: 'int64', repeated: true, number: 2047 },
} as const satisfies WireSchema;

const LIMITS = { maxBytes: 64 * 1024, maxFields: 5000 };

const inner = { data: Buffer.from('data'), text: 'text \u00e9\ud83d\ude00', chosen: Buffer.alloc(0) };
const SEEDS = [
  {},
  { flag: true, small: -1, count: 2 ** 32 - 1, signed: -(2n ** 63n), large: 2n ** 64n - 1n, details: 5 },
  { inner, many: [inner, {}, { other: 'x' }], blobs: [Buffer.alloc(300), Buffer.alloc(0)], numbers: [0n, -1n, 7n] },
].map((message) => encodeWire(SCHEMA, message));

const wire: FuzzTarget = {
  name: 'protobuf',
  kind: 'protobuf',
  seeds: SEEDS.map((seed, i) => (i === 0 ? Buffer.of(0x08, 0x00) : seed)),
  judge: (input) =>
    parsed(
      () => decodeWire(SCHEMA, input, LIMITS),
      [FormatError],
      (message) => {
        const again = encodeWire(SCHEMA, message);
        // What nobody knows is dropped, and defaults are not written: so the second writing is the same as the first.
        const second = decodeWire(SCHEMA, again, { maxBytes: 4 * LIMITS.maxBytes, maxFields: LIMITS.maxFields * 4 });
        expect(isDeepStrictEqual(encodeWire(SCHEMA, second), again), 'it is written otherwise the second time');
      },
    ),
};

export const targets: readonly FuzzTarget[] = [wire];
