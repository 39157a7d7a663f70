import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeWire, encodeWire, FormatError, type WireSchema } from '../src/index.ts';
import { slowDecode } from './support/slow-wire.ts';
import { CREATE_ENTRY, EVERYTHING, WIRE_SCHEMAS } from './support/wire-schemas.ts';

const LIMITS = { maxBytes: 100_000, maxFields: 50_000 };

interface Vector {
  name: string;
  message: string;
  input?: string;
  /** Instead of an input: so many groups within one another. */
  groups?: number;
  known?: string;
  refused?: string;
}

const VECTORS = readFileSync(join(import.meta.dirname, 'vectors', 'protobuf-go.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector);

function inputOf({ input, groups = 0 }: Vector): Buffer {
  if (input !== undefined) return Buffer.from(input, 'base64');
  return Buffer.concat([Buffer.alloc(groups, 0x7b), Buffer.alloc(groups, 0x7c)]);
}

function refusal(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    assert(error instanceof FormatError);
    assert.equal(error.code, 'protobuf');
    return error.message;
  }
}

test('protobuf-go and we accept the same bytes, read the same from them, and refuse with the same text', () => {
  assert(VECTORS.length > 900);
  for (const vector of VECTORS) {
    const schema = WIRE_SCHEMAS[vector.message];
    assert(schema !== undefined, vector.message);
    const input = inputOf(vector);
    if (vector.refused !== undefined) {
      assert.equal(
        refusal(() => decodeWire(schema, input, LIMITS)),
        vector.refused,
        vector.name,
      );
    } else {
      // What Go wrote again of all that it knows: in another order, oneofs last, but all of it and no more.
      const known = Buffer.from(vector.known ?? '', 'base64');
      const again = encodeWire(schema, decodeWire(schema, input, LIMITS));
      assert.deepEqual(again, encodeWire(schema, decodeWire(schema, known, LIMITS)), vector.name);
      assert.equal(again.length, known.length, vector.name);
    }
  }
});

const anyBytes = fc.uint8Array({ maxLength: 40 });

/** Encoded fields with known and unknown numbers, right and wrong types, whole and broken. */
function wireFields(schema: WireSchema): fc.Arbitrary<number[]> {
  const numbers = [...Object.values(schema).map(({ number }) => number), 1, 7, 3000];
  const varint = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(varintBytes);
  const bytes = anyBytes.map((content) => [...varintBytes(BigInt(content.length)), ...content]);
  const value = fc.oneof(
    fc.tuple(
      fc.constant(0),
      fc.oneof(
        varint,
        fc.nat(300).map((n) => varintBytes(BigInt(n))),
      ),
    ),
    fc.tuple(fc.constant(2), bytes),
    fc.tuple(fc.constant(2), fc.constantFrom([0], [2, 8, 1], [4, 0x0a, 2, 0x61, 0x62], [3, 1, 2, 3])),
    fc.tuple(fc.constant(5), fc.constant([1, 2, 3, 4])),
    fc.tuple(fc.constant(1), fc.constant([1, 2, 3, 4, 5, 6, 7, 8])),
    fc.tuple(fc.nat(7), fc.array(fc.nat(255), { maxLength: 4 })),
  );
  const field = fc
    .tuple(fc.constantFrom(...numbers), value)
    .map(([number, [type, content]]) => [...varintBytes(BigInt(number) * 8n + BigInt(type)), ...content]);
  return fc.array(field, { maxLength: 8 }).map((fields) => fields.flat());
}

function varintBytes(value: bigint): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  return [...out, Number(rest)];
}

test('a slow and plain decoder reads the same, and refuses the same', () => {
  let read = 0;
  const check = (input: readonly number[]): void => {
    let expected: unknown;
    try {
      expected = slowDecode(EVERYTHING, input);
    } catch {
      assert.notEqual(
        refusal(() => decodeWire(EVERYTHING, Uint8Array.from(input), LIMITS)),
        undefined,
      );
      return;
    }
    read += 1;
    assert.deepEqual(plain(decodeWire(EVERYTHING, Uint8Array.from(input), LIMITS)), plain(expected));
  };
  fc.assert(fc.property(wireFields(EVERYTHING), check), { numRuns: 3000 });
  fc.assert(
    fc.property(anyBytes, (bytes) => check([...bytes])),
    { numRuns: 1000 },
  );
  assert(read > 500, `only ${read} were messages`);
});

/** Without what only the slow one remembers, and with one kind of bytes. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

test('what is written is read again', () => {
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const message = fc.record(
    {
      text: fc.string({ unit: 'binary', minLength: 1 }),
      raw: fc.uint8Array({ minLength: 1, maxLength: 300 }),
      flag: fc.constant(true),
      signed: fc.integer().filter((n) => n !== 0),
      unsigned: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      long: int64.filter((n) => n !== 0n),
      unsignedLong: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
      choice: fc.integer().filter((n) => n !== 0),
      inner: fc.record({ long: int64.filter((n) => n !== 0n) }, { requiredKeys: [] }),
      texts: fc.array(fc.string(), { minLength: 1 }),
      raws: fc.array(anyBytes, { minLength: 1 }),
      flags: fc.array(fc.boolean(), { minLength: 1 }),
      signeds: fc.array(fc.integer(), { minLength: 1 }),
      longs: fc.array(int64, { minLength: 1 }),
      inners: fc.array(fc.record({ raw: fc.uint8Array({ minLength: 1 }) }), { minLength: 1 }),
      or: fc.nat(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(message, (value) => {
      const again = decodeWire(EVERYTHING, encodeWire(EVERYTHING, value), LIMITS);
      assert.deepEqual(plain(again), plain(value));
    }),
    { numRuns: 200 },
  );
});

test('a default is not written, but in a oneof it is', () => {
  const nothing = {
    text: '',
    raw: new Uint8Array(0),
    flag: false,
    signed: 0,
    long: 0n,
    choice: 0,
    longs: [],
    texts: [],
  };
  assert.equal(encodeWire(EVERYTHING, nothing).length, 0);
  assert.equal(encodeWire(EVERYTHING, { or: 0 }).toString('hex'), 'a80600');
  assert.equal(encodeWire(EVERYTHING, { inner: {} }).toString('hex'), '4a00');
  assert.equal(encodeWire(EVERYTHING, { texts: ['', 'a'] }).toString('hex'), '820100' + '82010161');
});

test('input that is too long is refused unread', () => {
  const long = new Uint8Array(LIMITS.maxBytes + 1);
  assert.match(refusal(() => decodeWire(CREATE_ENTRY, long, LIMITS)) ?? '', /longer than 100000 bytes/);
});

test('however small they are, only so many fields are read: known ones, unknown ones, those in groups', () => {
  const limits = { maxBytes: 100_000, maxFields: 1000 };
  const verifier = [0x12, 0x00];
  const inDsse = (count: number): Buffer => {
    const inner = Buffer.concat(Array.from({ length: count }, () => Buffer.from(verifier)));
    return Buffer.concat([Buffer.from([0x12, ...varintBytes(BigInt(inner.length))]), inner]);
  };
  assert.equal(
    refusal(() => decodeWire(CREATE_ENTRY, inDsse(999), limits)),
    undefined,
  );
  const fields = [inDsse(1000), Buffer.alloc(2002, Buffer.from([0x78, 0])), Buffer.alloc(1001, 0x7b)];
  for (const input of fields) {
    assert.equal(
      refusal(() => decodeWire(CREATE_ENTRY, input, limits)),
      'proto: too many fields',
    );
  }
});

test('names of fields are never taken from the input', () => {
  const message = decodeWire(EVERYTHING, Buffer.from('0a095f5f70726f746f5f5f', 'hex'), LIMITS);
  assert.deepEqual(Object.keys(message), ['text']);
});

test('a schema that gives one number twice is refused', () => {
  const twice = { a: { number: 1, kind: 'bool' }, b: { number: 1, kind: 'bool' } } as const satisfies WireSchema;
  assert.throws(() => decodeWire(twice, new Uint8Array(0), LIMITS), TypeError);
});
