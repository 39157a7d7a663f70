import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeGatewayBody, decodeProto, FormatError, parseJson, type ProtoSchema } from '../src/index.ts';
import { FULCIO, FULCIO_ONEOF } from './support/proto-schemas.ts';

const EVERYTHING = {
  text: { kind: 'string' },
  flag: { kind: 'bool' },
  small: { kind: 'int32' },
  smallUnsigned: { kind: 'uint32' },
  big: { kind: 'int64' },
  bigUnsigned: { kind: 'uint64' },
  color: { kind: 'enum', values: { RED: 0, BLUE: 1 } },
  names: { kind: 'string', repeated: true },
  colors: { kind: 'enum', values: { RED: 0, BLUE: 1 }, repeated: true },
  children: { kind: 'message', message: { rawBytes: { kind: 'bytes' } }, repeated: true },
  camelName: { kind: 'string', protoName: 'camelName' },
} as const satisfies ProtoSchema;

const decode = (text: string, unknown: 'reject' | 'ignore' = 'reject') =>
  decodeProto(EVERYTHING, parseJson(text), { unknown });

function refusal(text: string, unknown: 'reject' | 'ignore' = 'reject'): string {
  try {
    decode(text, unknown);
  } catch (error) {
    assert.ok(error instanceof FormatError && error.code === 'protojson');
    return error.message;
  }
  assert.fail(`accepted ${text}`);
}

test('integers: numbers or strings, exponents that stay whole, ranges exact', () => {
  const good: [string, bigint][] = [
    ['5', 5n],
    ['"5"', 5n],
    ['5.0', 5n],
    ['50e-1', 5n],
    ['0.5E1', 5n],
    ['"1e2"', 100n],
    ['-0', 0n],
    ['0e999999999', 0n],
    ['9223372036854775807', 2n ** 63n - 1n],
    ['"-9223372036854775808"', -(2n ** 63n)],
  ];
  for (const [text, value] of good) assert.equal(decode(`{"big":${text}}`).big, value, text);
  for (const text of [
    '5.5',
    '"5 "',
    '" 5"',
    '""',
    '"0x5"',
    '"05"',
    '9223372036854775808',
    '1e19',
    '5e-1',
    '1e99999999999',
    'true',
    '"5 6"',
    '[5]',
  ]) {
    assert.match(refusal(`{"big":${text}}`), /^proto: \(line 1:8\): invalid value for int64 field big: /, text);
  }
  assert.equal(decode('{"small":-2147483648,"smallUnsigned":"4294967295"}').smallUnsigned, 4294967295);
  assert.equal(decode('{"bigUnsigned":"18446744073709551615"}').bigUnsigned, 2n ** 64n - 1n);
  for (const text of [
    '{"small":2147483648}',
    '{"smallUnsigned":-1}',
    '{"smallUnsigned":-0}',
    '{"bigUnsigned":18446744073709551616}',
  ]) {
    refusal(text);
  }
});

test('number texts of millions of digits are refused at a glance', () => {
  const zeros = '0'.repeat(4_000_000);
  for (const text of [`0.${zeros}1`, `1${zeros}`, `"${zeros}"`, `1e${zeros}1`, `"1${zeros}x"`])
    refusal(`{"big":${text}}`);
});

test('enums: by exact name or by any whole 32-bit number, never by a number in quotes', () => {
  for (const text of ['1', '1.0', '"BLUE"', '10e-1']) assert.equal(decode(`{"color":${text}}`).color, 1);
  assert.equal(decode('{"color":99}').color, 99);
  assert.equal(decode('{"color":-1}').color, -1);
  for (const text of ['"1"', '"blue"', '""', '1.5', 'true', '2147483648', '"constructor"', '"__proto__"']) {
    assert.match(refusal(`{"color":${text}}`), /^proto: \(line 1:10\): invalid value for enum field color: /);
  }
});

test('unknown enum names are as if absent where unknown things are ignored', () => {
  assert.deepEqual(decode('{"color":"GREEN","colors":["GREEN","BLUE"]}', 'ignore'), { colors: [1] });
  refusal('{"color":1.5}', 'ignore');
  refusal('{"color":true}', 'ignore');
});

test('both names of a field work, no third one does', () => {
  assert.equal(decode('{"small_unsigned":1}').smallUnsigned, 1);
  assert.equal(decode('{"camelName":"x"}').camelName, 'x');
  for (const name of [
    'SmallUnsigned',
    'small_Unsigned',
    'smallunsigned',
    'camel_name',
    'constructor',
    '__proto__',
    'toString',
  ]) {
    assert.equal(refusal(`{"${name}":1}`), `proto: (line 1:2): unknown field "${name}"`);
    assert.deepEqual(decode(`{"${name}":1}`, 'ignore'), {});
  }
});

test('known fields may not repeat, in either spelling or as null; unknown ones may when ignored', () => {
  assert.equal(refusal('{"text":"a",\n"text":"b"}'), 'proto: (line 2:1): duplicate field "text"');
  refusal('{"smallUnsigned":1,"small_unsigned":2}');
  refusal('{"text":null,"text":null}');
  refusal('{"text":"a","text":null}', 'ignore');
  assert.deepEqual(decode('{"x":1,"x":{"y":[]},"text":"a"}', 'ignore'), { text: 'a' });
});

test('null is absent for every field but not for an element or a whole message', () => {
  assert.deepEqual(decode('{"text":null,"names":null,"children":null,"color":null}'), {});
  assert.equal(refusal('{"names":[null]}'), 'proto: (line 1:11): invalid value for string field names: null');
  assert.equal(refusal('{"children":[null]}'), 'proto: syntax error (line 1:14): unexpected token null');
  assert.equal(refusal('null'), 'proto: syntax error (line 1:1): unexpected token null');
});

test('lists keep order and refuse anything that is no list', () => {
  assert.deepEqual(decode('{"names":["b","a"],"children":[{},{"rawBytes":"QQ"}]}'), {
    names: ['b', 'a'],
    children: [{}, { rawBytes: Buffer.from('A') }],
  });
  assert.equal(refusal('{"names":"a"}'), 'proto: syntax error (line 1:10): unexpected token "a"');
  assert.equal(refusal('{"names":{}}'), 'proto: syntax error (line 1:10): unexpected token {');
});

test('a oneof twice is refused; null and empty members count as upstream counts them', () => {
  const read = (text: string) => decodeProto(FULCIO, parseJson(text), { unknown: 'ignore' });
  assert.deepEqual(read('{"publicKeyRequest":{},"certificateSigningRequest":null}'), { publicKeyRequest: {} });
  assert.throws(() => read('{"publicKeyRequest":{},"certificateSigningRequest":""}'), {
    message: `proto: (line 1:24): error parsing "certificateSigningRequest", oneof ${FULCIO_ONEOF} is already set`,
  });
});

test('an error text repeats only a bounded piece of the input', () => {
  assert.ok(refusal(`{"color":"${'A'.repeat(100_000)}"}`).length < 400);
  assert.ok(refusal(`{"${'é'.repeat(100_000)}":1}`).length < 400);
});

test('a gateway body: empty is an empty message, text after the value is ignored, bad Unicode is refused', () => {
  for (const body of ['', ' \n', '{}', '{} x', '{}{"text":1}']) {
    assert.deepEqual(decodeGatewayBody(EVERYTHING, body, { unknown: 'reject' }), {});
  }
  assert.throws(
    () =>
      decodeGatewayBody(FULCIO, Buffer.from('{"credentials":{"oidcIdentityToken":"\xff"}}', 'latin1'), {
        unknown: 'ignore',
      }),
    {
      code: 'protojson',
      message: 'proto: syntax error (line 1:37): invalid UTF-8 in string',
    },
  );
});
