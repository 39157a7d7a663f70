import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Refusal, type RefusalCode } from '../src/core/refusal.ts';
import type { ParsedRequest } from '../src/core/request.ts';
import { integerOctets, MAX_JSON_BYTES, parseJsonRequest } from '../src/core/request-json.ts';
import { DIGEST } from './support.ts';

const HASH = DIGEST.toString('base64');
const GOOD = { artifactHash: HASH, hashAlgorithm: 'sha256' };
const parse = (value: unknown): ParsedRequest =>
  parseJsonRequest(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
const refused = (value: unknown, code: RefusalCode = 'malformed'): void => {
  assert.throws(
    () => parse(value),
    (error) => error instanceof Refusal && error.code === code,
    JSON.stringify(value),
  );
};
/** The good request with one more member, as text. */
const plus = (member: string): string => `{"artifactHash":"${HASH}","hashAlgorithm":"sha256",${member}}`;
const nonceHex = (text: string): string => Buffer.from(parse(plus(`"nonce":${text}`)).nonce ?? []).toString('hex');

test('D50 the request of sigstore-js: two members', () => {
  assert.deepEqual(parse(GOOD), {
    hash: 'sha256',
    digest: DIGEST,
    policy: undefined,
    nonce: undefined,
    certReq: false,
    extensions: [],
  });
});

test('D50 nonces of any size are kept exactly', () => {
  assert.equal(nonceHex('9007199254740993'), '20000000000001');
  assert.equal(nonceHex('1234567890123456789012345678901234567890'), '03a0c92075c0dbf3b8acbc5f96ce3f0ad2');
  assert.equal(nonceHex('0'), '00');
  assert.equal(nonceHex('-0'), '00');
  assert.equal(nonceHex('-5'), 'fb');
  assert.equal(nonceHex('128'), '0080');
  assert.equal(parse(plus('"nonce":null')).nonce, undefined);
  for (const text of ['1.5', '1.0', '1e3', '"5"', '"0x10"', 'true', '[1]', '{}', '01', '+1', '- 1', '1_000'])
    refused(plus(`"nonce":${text}`));
});

test('D50 a body over 1024 bytes is refused before it is parsed', () => {
  const exact = JSON.stringify(GOOD).padEnd(MAX_JSON_BYTES);
  assert.equal(parse(exact).hash, 'sha256');
  refused(`${exact} `, 'too_large');
  refused('x'.repeat(MAX_JSON_BYTES + 1), 'too_large');
});

test('D50 base64 must be standard and padded; line ends inside are skipped, stray bits are not looked at', () => {
  const digest = (artifactHash: string): Buffer => Buffer.from(parse({ ...GOOD, artifactHash }).digest);
  assert.deepEqual(digest(`${HASH.slice(0, 10)}\n${HASH.slice(10)}`), DIGEST);
  assert.deepEqual(digest(`\r\n${HASH}\n`), DIGEST);
  assert.deepEqual(digest('Zh=='), Buffer.from('f'));
  assert.deepEqual(digest(''), Buffer.alloc(0));
  for (const text of [
    HASH.slice(0, -1),
    HASH.replace('=', ''),
    `${HASH}=`,
    `_${HASH.slice(1)}`,
    '***',
    'A===',
    '====',
    ` ${HASH}`,
    '=AAA',
    'AA=A',
  ])
    refused({ ...GOOD, artifactHash: text });
});

test('names match without regard to case, the last of repeated ones wins, unknown ones are ignored', () => {
  assert.equal(parse({ ARTIFACTHASH: HASH, HashAlgorithm: 'SHA256' }).hash, 'sha256');
  assert.equal(parse(`{"artifactHa\u017fh":"${HASH}","HASHALGORITHM":"sha256"}`).digest.length, 32);
  assert.equal(parse(plus('"hashAlgorithm":"sha512"')).hash, 'sha512');
  assert.equal(parse(plus('"x":[{"nonce":1}],"nonce ":2')).nonce, undefined);
  assert.equal(nonceHex('1,"Nonce":2'), '02');
});

test('null leaves text and flags as they were, and takes a nonce away', () => {
  assert.equal(parse(plus('"certificates":true,"certificates":null')).certReq, true);
  assert.equal(parse(plus('"hashAlgorithm":null')).hash, 'sha256');
  assert.equal(parse(plus('"nonce":5,"nonce":null')).nonce, undefined);
  refused({ ...GOOD, hashAlgorithm: null });
  refused('null');
});

test('members of a wrong type are refused even when a later one is right', () => {
  refused(plus('"certificates":1'));
  refused(plus('"certificates":"true","certificates":true'));
  refused(plus('"tsaPolicyOID":5'));
  refused({ ...GOOD, artifactHash: 5 });
  refused({ ...GOOD, hashAlgorithm: ['sha256'] });
});

test('hash algorithms', () => {
  for (const name of ['sha256', 'SHA384', 'Sha512'])
    assert.equal(parse({ ...GOOD, hashAlgorithm: name }).hash, name.toLowerCase());
  for (const name of ['', 'sha224', 'SHA2_256', 'sha-256', 'md5', ' sha256', '__proto__'])
    refused({ ...GOOD, hashAlgorithm: name });
  refused({ ...GOOD, hashAlgorithm: 'SHA1' }, 'weak_hash');
});

test('policies: signs and leading zeros are accepted as upstream accepts them, other text is not', () => {
  const policy = (tsaPolicyOID: string): string | undefined => parse({ ...GOOD, tsaPolicyOID }).policy;
  assert.equal(policy('1.3.6.1.4.1.+57264.2'), '1.3.6.1.4.1.57264.2');
  assert.equal(policy('1.3.6.1.4.1.057264.2'), '1.3.6.1.4.1.57264.2');
  assert.equal(policy(''), undefined);
  assert.equal(policy('1'), '1');
  assert.equal(policy('-1.9223372036854775807'), '-1.9223372036854775807');
  assert.equal(policy(`1${'.1'.repeat(128)}`)?.split('.').length, 129);
  for (const text of [
    'abc',
    '.1.2',
    '1.2.',
    ' 1.2',
    '1..2',
    '1.2 ',
    '1.0x1',
    '1.1_0',
    '9223372036854775808',
    `1${'.1'.repeat(129)}`,
    '٣',
  ])
    refused({ ...GOOD, tsaPolicyOID: text }, 'oid_text');
});

test('what is not one JSON object is refused: other values, trailing text, BOM, comments, nothing', () => {
  for (const text of [
    '[]',
    '"x"',
    '5',
    'true',
    '{',
    '}',
    '',
    ' ',
    `${JSON.stringify(GOOD)}{}`,
    `\ufeff${JSON.stringify(GOOD)}`,
    `/**/${JSON.stringify(GOOD)}`,
  ])
    refused(text);
  refused("{'artifactHash':''}");
  refused(plus('"x":NaN'));
});

test('deep nesting in an unknown member is accepted within the size, and never overflows', () => {
  const depth = 400;
  assert.equal(parse(plus(`"x":${'['.repeat(depth)}${']'.repeat(depth)}`)).hash, 'sha256');
  refused('['.repeat(MAX_JSON_BYTES));
  refused('{"a":'.repeat(200));
});

test('text that is no UTF-8 in an unknown member is accepted, as upstream does', () => {
  const head = Buffer.from(`{"artifactHash":"${HASH}","hashAlgorithm":"sha256","x":"`);
  assert.equal(parseJsonRequest(Buffer.concat([head, Buffer.of(0xff, 0xfe), Buffer.from('"}')])).hash, 'sha256');
});

test('a member named __proto__ is an unknown member', () => {
  assert.equal(parse(plus('"__proto__":{"certificates":true}')).certReq, false);
});

test('property: integer octets are minimal two’s complement and read back', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }), (value) => {
      const octets = Buffer.from(integerOctets(value));
      assert.equal(BigInt.asIntN(octets.length * 8, BigInt(`0x${octets.toString('hex')}`)), value);
      const [first = 0, second] = octets;
      assert.ok(second === undefined || !((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)));
    }),
    { numRuns: 500 },
  );
});
