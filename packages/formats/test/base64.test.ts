import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeBase64Proto, decodeBase64Strict, encodeBase64, FormatError } from '../src/index.ts';

const bytes = fc.uint8Array({ maxLength: 70 });
const urlSafe = (text: string): string => text.replaceAll('+', '-').replaceAll('/', '_');

test('strict base64 round-trips every byte string', () => {
  fc.assert(
    fc.property(bytes, (each) => assert.deepEqual(new Uint8Array(decodeBase64Strict(encodeBase64(each))), each)),
  );
});

test('protojson base64 reads all four spellings alike', () => {
  fc.assert(
    fc.property(bytes, (each) => {
      const text = encodeBase64(each);
      for (const spelling of [text, urlSafe(text), text.replaceAll('=', ''), urlSafe(text).replaceAll('=', '')]) {
        assert.deepEqual(new Uint8Array(decodeBase64Proto(spelling) ?? assert.fail(spelling)), each);
      }
    }),
  );
});

test('strict base64 refuses every other spelling of the same bytes', () => {
  for (const text of [
    'QQ',
    'QQ=',
    'QR==',
    'QQ==\n',
    ' QQ==',
    'QQ==QQ==',
    '-_-_',
    'Q===',
    '====',
    'QUI',
    'QUJ=',
    'Ä===',
  ]) {
    assert.throws(
      () => decodeBase64Strict(text),
      (error) => error instanceof FormatError && error.code === 'base64_invalid',
    );
  }
});

test('strict base64 of any length is decoded, or refused with its own code', () => {
  const long = 'A'.repeat(2 ** 25);
  assert.equal(decodeBase64Strict(long).length, (long.length / 4) * 3);
  assert.throws(
    () => decodeBase64Strict(`${long}!AAA`),
    (error) => error instanceof FormatError && error.code === 'base64_invalid',
  );
});

test('protojson base64 refuses white space, stray padding and impossible lengths', () => {
  for (const text of ['QU I', 'QU\nI=', 'QQ===', 'QQ=', 'Q', 'QUJDR', '=', '==', 'QQ==QQ==', 'QUI==', '!!', 'QQ=Q']) {
    assert.equal(decodeBase64Proto(text), undefined, text);
  }
});

test('protojson base64 refuses mixed alphabets and accepts non-zero unused bits', () => {
  for (const text of ['+_-/', '+_', 'QUI-QUI+']) assert.equal(decodeBase64Proto(text), undefined, text);
  assert.deepEqual(decodeBase64Proto('QR'), Buffer.from('A'));
  assert.deepEqual(decodeBase64Proto(''), Buffer.alloc(0));
});

test('protojson base64 skips line ends, which count for the question whether there is padding', () => {
  assert.deepEqual(decodeBase64Proto('QU\nJD'), Buffer.from('ABC'));
  assert.deepEqual(decodeBase64Proto('\r\nQ\nQ=\r\n='), undefined);
  assert.deepEqual(decodeBase64Proto('QQ=\r\n\r\n='), Buffer.from('A'));
  assert.deepEqual(decodeBase64Proto('Q\n\rQ'), undefined);
  assert.deepEqual(decodeBase64Proto('Q\nQ'), Buffer.from('A'));
  assert.deepEqual(decodeBase64Proto('\n'), Buffer.alloc(0));
});
