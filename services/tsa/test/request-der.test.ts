import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Refusal } from '../src/core/refusal.ts';
import { UNMATCHABLE_POLICY } from '../src/core/request.ts';
import { MAX_EXTENSIONS, MAX_NONCE_OCTETS, parseDerRequest } from '../src/core/request-der.ts';
import { der, derRequest, DIGEST, imprint, SHA256_OID } from './support.ts';

const malformed = (bytes: Uint8Array): void => {
  assert.throws(
    () => parseDerRequest(bytes),
    (error) => error instanceof Refusal && error.code === 'malformed',
  );
};
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const POLICY = hex('06092b0601040183bf3002');
const NONCE = hex('020107');
const TRUE = hex('0101ff');
const version = (content: string): Buffer => der(0x30, der(2, hex(content)), imprint());

test('the minimal request: imprint only', () => {
  assert.deepEqual(parseDerRequest(derRequest()), {
    hash: 'sha256',
    digest: DIGEST,
    policy: undefined,
    nonce: undefined,
    certReq: false,
    extensions: [],
  });
});

test('all optional fields in their order', () => {
  const parsed = parseDerRequest(
    derRequest(POLICY, NONCE, TRUE, der(0xa0, der(0x30, hex('06022a03'), TRUE, der(4, hex('0500'))))),
  );
  assert.equal(parsed.policy, '1.3.6.1.4.1.57264.2');
  assert.deepEqual(Buffer.from(parsed.nonce ?? []), hex('07'));
  assert.equal(parsed.certReq, true);
  assert.deepEqual(parsed.extensions, [{ oid: hex('2a03'), critical: true, value: hex('0500') }]);
});

test('any version is accepted, as recorded; an INTEGER it must be', () => {
  for (const content of ['00', '01', '02', '03', 'ff', '010000000000', '7fffffffffffffff', '8000000000000000'])
    assert.equal(parseDerRequest(version(content)).hash, 'sha256');
  for (const content of ['', '0001', 'ff80', '010000000000000000']) malformed(version(content));
  malformed(der(0x30, der(0x0c, hex('31')), imprint()));
  malformed(der(0x30, imprint()));
});

test('fields out of order and unknown elements are skipped, as recorded', () => {
  const nonceAfterFlag = parseDerRequest(derRequest(TRUE, NONCE));
  assert.equal(nonceAfterFlag.certReq, true);
  assert.equal(nonceAfterFlag.nonce, undefined);
  const textFirst = parseDerRequest(derRequest(hex('0c0178'), NONCE, TRUE));
  assert.deepEqual([textFirst.nonce, textFirst.certReq], [undefined, false]);
  assert.deepEqual(Buffer.from(parseDerRequest(derRequest(NONCE, hex('020108'))).nonce ?? []), hex('07'));
  assert.equal(parseDerRequest(derRequest(hex('040101'))).nonce, undefined);
});

test('what stands after the last field is not looked at, what stands before it must have a sound header', () => {
  const extensions = der(0xa0, der(0x30, hex('06022a03'), der(4, [])));
  assert.equal(parseDerRequest(derRequest(extensions, hex('ffffffff'))).extensions.length, 1);
  malformed(derRequest(NONCE, hex('3080')));
  malformed(derRequest(NONCE, hex('0c8101')));
  malformed(derRequest(hex('1f1e00')));
});

test('D51 BER in any place is refused: indefinite length, long form, constructed strings, other TRUE', () => {
  malformed(Buffer.concat([hex('3080'), derRequest().subarray(2), hex('0000')]));
  malformed(Buffer.concat([hex('308136'), derRequest().subarray(2)]));
  malformed(der(0x30, hex('020101'), der(0x30, der(0x30, SHA256_OID), der(0x24, der(4, DIGEST)))));
  for (const flag of ['010101', '0100', '0102ffff']) malformed(derRequest(hex(flag)));
  for (const nonce of ['0200', '02020007', '0202ffff']) malformed(derRequest(hex(nonce)));
});

test('D51 trailing bytes, truncation at every length and zero length are refused', () => {
  const whole = derRequest(POLICY, NONCE, TRUE);
  malformed(Buffer.concat([whole, hex('00')]));
  malformed(Buffer.concat([whole, whole]));
  for (let length = 0; length < whole.length; length++) malformed(whole.subarray(0, length));
});

test('D51 lengths that do not fit are refused before anything is allocated', () => {
  for (const length of ['84ffffffff', '88ffffffffffffffff', `fe${'ff'.repeat(126)}`, '8300ffff', '8500000000ff'])
    malformed(Buffer.concat([hex('30'), hex(length), derRequest()]));
});

test('D51 an identifier of a million components is refused in linear time, without building it', () => {
  const huge = der(6, Buffer.alloc(1_000_000, 0x2a));
  assert.equal(parseDerRequest(derRequest(huge)).policy, UNMATCHABLE_POLICY);
  assert.equal(parseDerRequest(derRequest(der(6, Buffer.alloc(127, 3)))).policy?.split('.').length, 128);
  assert.equal(parseDerRequest(derRequest(der(6, Buffer.alloc(128, 3)))).policy, UNMATCHABLE_POLICY);
  malformed(derRequest(der(6, Buffer.alloc(1_000_000, 0xff))));
  malformed(derRequest(der(6, Buffer.concat([Buffer.alloc(1_000_000, 3), hex('86')]))));
});

test('identifiers: components over 31 bits, padded, empty and cut off are refused', () => {
  for (const content of ['', '2a86', '2a8001', '2a8880808000', '2a8fffffffff7f', '8888888888888801'])
    malformed(derRequest(der(6, hex(content))));
  assert.equal(parseDerRequest(derRequest(hex('06062a87ffffff7f'))).policy, '1.2.2147483647');
  assert.equal(parseDerRequest(derRequest(hex('0603883703'))).policy, '2.999.3');
});

test('nonces are echoed as sent, negative ones too, up to their bound', () => {
  for (const content of ['00', '7f', '0080', 'ff', '80', `00${'ab'.repeat(16)}`])
    assert.deepEqual(Buffer.from(parseDerRequest(derRequest(der(2, hex(content)))).nonce ?? []), hex(content));
  const largest = Buffer.alloc(MAX_NONCE_OCTETS, 0x5a);
  assert.equal(parseDerRequest(derRequest(der(2, largest))).nonce?.length, MAX_NONCE_OCTETS);
  malformed(derRequest(der(2, largest, [0])));
});

test('extensions: an empty list is none, a wrong element or too many are refused', () => {
  assert.deepEqual(parseDerRequest(derRequest(der(0xa0))).extensions, []);
  const one = der(0x30, hex('06022a03'), der(4, []));
  assert.equal(parseDerRequest(derRequest(der(0xa0, ...Array.from({ length: 3 }, () => one)))).extensions.length, 3);
  malformed(derRequest(der(0xa0, hex('020101'))));
  malformed(derRequest(der(0xa0, der(0x30, hex('06022a03')))));
  malformed(derRequest(der(0xa0, der(0x30, hex('06022a03'), hex('010105'), der(4, [])))));
  malformed(derRequest(der(0xa0, ...Array.from({ length: MAX_EXTENSIONS + 1 }, () => one))));
});

test('imprint: any parameters and elements after it are accepted, unknown algorithms and empty digests are not', () => {
  const withImprint = (bytes: Uint8Array): Buffer => der(0x30, hex('020101'), bytes);
  const digest = der(4, DIGEST);
  for (const parameters of [[], hex('0500'), hex('03020104'), der(0x30, der(0x30))])
    assert.equal(parseDerRequest(withImprint(der(0x30, der(0x30, SHA256_OID, parameters), digest))).hash, 'sha256');
  assert.equal(parseDerRequest(withImprint(der(0x30, der(0x30, SHA256_OID), digest, NONCE))).hash, 'sha256');
  malformed(withImprint(imprint(hex('06032a0304'))));
  malformed(withImprint(imprint(SHA256_OID, Buffer.alloc(0))));
  malformed(withImprint(der(0x30, der(0x30, SHA256_OID, hex('0505')), digest)));
  malformed(withImprint(der(0x31, der(0x30, SHA256_OID), digest)));
  assert.equal(parseDerRequest(withImprint(imprint(hex('06052b0e03021a'), Buffer.alloc(20)))).hash, 'weak');
});

test('nesting of any depth in a field that is not read costs nothing and harms nothing', () => {
  const nested = Buffer.concat([hex('a083030d40'), Buffer.alloc(200_000, hex('3080'))]);
  malformed(derRequest(nested));
  assert.equal(parseDerRequest(derRequest(NONCE, der(0xa1, Buffer.alloc(200_000, 0x30)))).hash, 'sha256');
});

test('property: a request built from parts parses into those parts', () => {
  const parts = fc.record({
    digest: fc.uint8Array({ minLength: 1, maxLength: 80 }),
    nonce: fc.option(fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }), { nil: undefined }),
    certReq: fc.boolean(),
  });
  fc.assert(
    fc.property(parts, ({ digest, nonce, certReq }) => {
      const fields = [...(nonce === undefined ? [] : [der(2, twosComplement(nonce))]), ...(certReq ? [TRUE] : [])];
      const parsed = parseDerRequest(der(0x30, hex('020101'), imprint(SHA256_OID, digest), ...fields));
      assert.deepEqual(Buffer.from(parsed.digest), Buffer.from(digest));
      assert.equal(parsed.certReq, certReq);
      assert.deepEqual(
        parsed.nonce && Buffer.from(parsed.nonce),
        nonce === undefined ? undefined : twosComplement(nonce),
      );
    }),
    { numRuns: 500 },
  );
});

/** In the test's own way: grow until the sign fits. */
function twosComplement(value: bigint): Buffer {
  const bits = value < 0n ? (-value - 1n).toString(2).length + 1 : value.toString(2).length + 1;
  const octets = Math.ceil(bits / 8);
  const out = Buffer.alloc(octets);
  for (let i = octets - 1, rest = value; i >= 0; i--, rest >>= 8n) out[i] = Number(rest & 0xffn);
  return out;
}
