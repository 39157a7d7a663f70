import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  contextConstructed,
  DerError,
  DerWriter,
  decodeOidContent,
  encodeOidContent,
  readDer,
  Tag,
  validateDer,
} from '../src/index.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex');

function refuses(code: string, run: () => unknown): void {
  assert.throws(run, (error) => error instanceof DerError && error.code === code, `expected DerError ${code}`);
}

test('object identifiers of the Sigstore and CT arcs encode to their golden bytes and back', () => {
  assert.equal(hex(encodeOidContent('1.3.6.1.4.1.57264.1.1')), '2b0601040183bf300101');
  assert.equal(hex(encodeOidContent('1.3.6.1.4.1.57264.1.24')), '2b0601040183bf300118');
  assert.equal(decodeOidContent(bytes('2b06010401d679020403')), '1.3.6.1.4.1.11129.2.4.3');
  assert.equal(decodeOidContent(bytes('8837')), '2.999');
});

test('every object identifier round-trips', () => {
  const arc = fc.bigInt({ min: 0n, max: 2n ** 70n });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 }),
      fc.bigInt({ min: 0n, max: 39n }),
      fc.array(arc, { maxLength: 12 }),
      (a, b, rest) => {
        const dotted = [a, b, ...rest].join('.');
        assert.equal(decodeOidContent(encodeOidContent(dotted)), dotted);
      },
    ),
  );
});

test('object identifiers that are empty, padded or cut off are refused', () => {
  for (const content of ['', '80 01', '2b 80 01', '2b 86', '2b ff'])
    refuses('bad_oid', () => decodeOidContent(bytes(content)));
  for (const dotted of ['', '1', '3.1', '1.40', '1.02', '1..2', '1.2.', '+1.2', '1.2.-3'])
    refuses('bad_oid', () => encodeOidContent(dotted));
});

test('lengths are minimal at every boundary and survive the growth of the buffer', () => {
  for (const length of [0, 1, 127, 128, 255, 256, 65535, 65536, 70000]) {
    const writer = new DerWriter(4);
    writer.octetString(new Uint8Array(length).fill(7));
    const der = writer.finish();
    const element = readDer(der, { maxBytes: 1 << 20 });
    assert.equal(element.octetString().length, length);
  }
});

test('unsigned integers are minimal and stay positive', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 200n }), fc.integer({ min: 0, max: 3 }), (value, padding) => {
      const text = value.toString(16);
      const magnitude = Buffer.concat([Buffer.alloc(padding), Buffer.from(text.length % 2 ? `0${text}` : text, 'hex')]);
      const writer = new DerWriter();
      writer.unsignedInteger(magnitude);
      assert.equal(readDer(writer.finish()).bigInteger(), value);
    }),
  );
});

test('nested structures written backwards read forwards', () => {
  const writer = new DerWriter();
  const end = writer.mark();
  writer.utf8String('é');
  writer.true();
  const inner = writer.mark();
  writer.smallInteger(300);
  writer.wrap(contextConstructed(3), inner);
  writer.oid('2.5.29.15');
  writer.wrap(Tag.sequence, end);
  assert.equal(hex(writer.finish()), '3012' + '0603551d0f' + 'a304' + '0202012c' + '0101ff' + '0c02c3a9');
});

test('times turn to GeneralizedTime in 2050 and drop fractions', () => {
  const writer = new DerWriter();
  writer.time(Date.UTC(2049, 11, 31, 23, 59, 59, 999));
  assert.equal(Buffer.from(readDer(writer.finish()).content).toString(), '491231235959Z');
  const later = new DerWriter();
  later.time(Date.UTC(2050, 0, 1));
  assert.equal(Buffer.from(readDer(later.finish()).content).toString(), '20500101000000Z');
});

test('times that do not exist, have offsets or fractions are refused', () => {
  const time = (tag: number, text: string): number =>
    readDer(Buffer.concat([Buffer.of(tag, text.length), Buffer.from(text)])).timeMs();
  assert.equal(time(0x17, '491231235959Z'), Date.UTC(2049, 11, 31, 23, 59, 59));
  assert.equal(time(0x17, '500101000000Z'), Date.UTC(1950, 0, 1));
  for (const text of [
    '230229000000Z',
    '231301000000Z',
    '2301010000Z',
    '230101000000+0000',
    '230101240000Z',
    '23010100000:Z',
  ])
    refuses('bad_time', () => time(0x17, text));
  for (const text of ['20230101000000.5Z', '20230101000000', '20230101000060Z'])
    refuses('bad_time', () => time(0x18, text));
});

const attacks: [string, string, string][] = [
  ['indefinite length', '30 80 00 00', 'bad_length'],
  ['length over the input', '30 05 02 01 01', 'truncated'],
  ['length of four gigabytes', '30 84 ff ff ff ff', 'truncated'],
  ['length in five octets', '30 85 01 00 00 00 00', 'bad_length'],
  ['short length in long form', '30 81 03 02 01 01', 'bad_length'],
  ['length with a leading zero octet', `30 82 00 80 ${'00'.repeat(128)}`, 'bad_length'],
  ['header cut off', '30', 'truncated'],
  ['nothing', '', 'truncated'],
  ['high tag number', '3f 21 00', 'high_tag_number'],
  ['trailing bytes', '02 01 01 00', 'trailing_bytes'],
];
for (const [name, input, code] of attacks)
  test(`DER with ${name} is refused as ${code}`, () => refuses(code, () => readDer(bytes(input))));

test('values that BER allows and DER does not are refused', () => {
  refuses('bad_boolean', () => readDer(bytes('01 01 01')).boolean());
  refuses('bad_integer', () => readDer(bytes('02 02 00 01')).integerContent());
  refuses('bad_integer', () => readDer(bytes('02 02 ff ff')).integerContent());
  refuses('bad_integer', () => readDer(bytes('02 00')).integerContent());
  refuses('bad_bit_string', () => readDer(bytes('03 02 08 00')).bitString());
  refuses('bad_bit_string', () => readDer(bytes('03 02 01 01')).bitString());
  refuses('bad_bit_string', () => readDer(bytes('03 00')).bitString());
  refuses('unexpected_tag', () => readDer(bytes('04 01 00')).integerContent());
});

test('depth, width and size bombs end in an error, not in a stack or a minute', () => {
  let deep: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < 5000; i++) {
    const writer = new DerWriter(deep.length + 8);
    writer.primitive(Tag.sequence, deep);
    deep = writer.finish();
  }
  refuses('too_deep', () => validateDer(deep));
  const wide = new DerWriter();
  wide.primitive(Tag.sequence, Buffer.alloc(20_000, '0500', 'hex'));
  refuses('too_many_nodes', () => validateDer(wide.finish()));
  refuses('too_large', () => readDer(new Uint8Array(65 * 1024)));
});

test('arbitrary bytes are either strict DER or refused by a coded error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (input) => {
      try {
        validateDer(input);
      } catch (error) {
        assert.ok(error instanceof DerError);
      }
    }),
    { numRuns: 5000 },
  );
});
