import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  decodeGatewayBody,
  decodeProto,
  FormatError,
  KEY_DETAILS_ENUM,
  parseJson,
  type ProtoSchema,
} from '../src/index.ts';

const REKOR_ONEOF = 'dev.sigstore.rekor.v2.CreateEntryRequest.spec';
const VERIFIER_ONEOF = 'dev.sigstore.rekor.v2.Verifier.verifier';

const REKOR = {
  hashedRekordRequestV002: {
    kind: 'message',
    oneof: REKOR_ONEOF,
    message: {
      digest: { kind: 'bytes' },
      signature: {
        kind: 'message',
        message: {
          content: { kind: 'bytes' },
          verifier: {
            kind: 'message',
            message: {
              publicKey: { kind: 'message', oneof: VERIFIER_ONEOF, message: { rawBytes: { kind: 'bytes' } } },
              x509Certificate: { kind: 'message', oneof: VERIFIER_ONEOF, message: { rawBytes: { kind: 'bytes' } } },
              keyDetails: { kind: 'enum', values: KEY_DETAILS_ENUM },
            },
          },
        },
      },
    },
  },
  dsseRequestV002: {
    kind: 'message',
    oneof: REKOR_ONEOF,
    message: {
      envelope: {
        kind: 'message',
        message: {
          payload: { kind: 'bytes' },
          payloadType: { kind: 'string' },
          signatures: {
            kind: 'message',
            repeated: true,
            message: { sig: { kind: 'bytes' }, keyid: { kind: 'string' } },
          },
        },
      },
      verifiers: {
        kind: 'message',
        repeated: true,
        message: {
          publicKey: { kind: 'message', oneof: VERIFIER_ONEOF, message: { rawBytes: { kind: 'bytes' } } },
          x509Certificate: { kind: 'message', oneof: VERIFIER_ONEOF, message: { rawBytes: { kind: 'bytes' } } },
          keyDetails: { kind: 'enum', values: KEY_DETAILS_ENUM },
        },
      },
    },
  },
} as const satisfies ProtoSchema;

const FULCIO_ONEOF = 'dev.sigstore.fulcio.v2.CreateSigningCertificateRequest.key';
const FULCIO = {
  credentials: { kind: 'message', message: { oidcIdentityToken: { kind: 'string' } } },
  publicKeyRequest: {
    kind: 'message',
    oneof: FULCIO_ONEOF,
    message: {
      publicKey: {
        kind: 'message',
        message: {
          algorithm: { kind: 'enum', values: { RSA_PSS: 1, ECDSA: 2, ED25519: 3 } },
          content: { kind: 'string' },
        },
      },
      proofOfPossession: { kind: 'bytes' },
    },
  },
  certificateSigningRequest: { kind: 'bytes', oneof: FULCIO_ONEOF },
} as const satisfies ProtoSchema;

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

interface Line {
  name: string;
  compare: string;
  request: {
    method: string;
    path: string;
    body?: string;
    bodyTemplate?: string;
    bodyBase64?: string;
    bodyGenerator?: { parts?: [string, number][] };
  };
  response: { status: number; body?: string };
}

function recorded(file: string): Line[] {
  const path = new URL(`../../../test/vectors/recorded/${file}`, import.meta.url);
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

function bodyOf({ request }: Line): Buffer | undefined {
  if (request.bodyBase64 !== undefined) return Buffer.from(request.bodyBase64, 'base64');
  const parts = request.bodyGenerator?.parts?.map(([text, times]) => text.repeat(times)).join('');
  const text = request.body ?? request.bodyTemplate ?? parts;
  return text === undefined ? undefined : Buffer.from(text);
}

const PARSER_TEXT = /^proto:|^invalid character|EOF$/;

function replay(file: string, path: string, read: (body: Buffer) => void): { refused: number; accepted: number } {
  const count = { refused: 0, accepted: 0 };
  for (const line of recorded(file)) {
    const body = bodyOf(line);
    if (line.request.method !== 'POST' || line.request.path !== path || body === undefined) continue;
    const message = line.response.body?.startsWith('{')
      ? (JSON.parse(line.response.body) as { message?: string }).message
      : undefined;
    const said = message?.replaceAll('\u00a0', ' ');
    if (said === 'http: request body too large' || (said === undefined && line.response.status >= 400)) continue;
    if (said !== undefined && PARSER_TEXT.test(said)) {
      assert.throws(
        () => read(body),
        (error) => {
          assert.ok(error instanceof FormatError, line.name);
          if (line.compare === 'json') assert.equal(error.message, said, line.name);
          if (
            line.compare !== 'json' &&
            !line.request.bodyTemplate &&
            said.length < 300 &&
            said !== 'proto: unexpected EOF'
          ) {
            assert.equal(error.message, said, line.name);
          }
          return true;
        },
        line.name,
      );
      count.refused++;
    } else {
      assert.doesNotThrow(() => read(body), line.name);
      count.accepted++;
    }
  }
  return count;
}

test('every recorded rekor-tiles request is accepted or refused by the parser as recorded, with the same words', () => {
  const { refused, accepted } = replay('rekor2.jsonl', '/api/v2/log/entries', (body) =>
    decodeGatewayBody(REKOR, body, { unknown: 'reject' }),
  );
  assert.ok(refused >= 20 && accepted >= 80, `${refused} refused, ${accepted} accepted`);
});

test('every recorded Fulcio v2 request is accepted or refused by the parser as recorded', () => {
  const { refused, accepted } = replay('ca-requests.jsonl', '/api/v2/signingCert', (body) =>
    decodeGatewayBody(FULCIO, body, { unknown: 'ignore' }),
  );
  assert.ok(refused >= 15 && accepted >= 100, `${refused} refused, ${accepted} accepted`);
});
