import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DerError, decodePem, encodePem } from '../src/index.ts';

test('PEM round-trips at every length around a line', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (content) => {
      const [block, ...rest] = decodePem(encodePem('CERTIFICATE', content));
      assert.equal(rest.length, 0);
      assert.equal(block?.label, 'CERTIFICATE');
      assert.deepEqual(Buffer.from(block?.bytes ?? []), Buffer.from(content));
    }),
  );
});

test('a body on one long line, CRLF and text around blocks are accepted', () => {
  const body = Buffer.alloc(90, 5).toString('base64');
  const text = `hello\r\n-----BEGIN PUBLIC KEY-----\r\n${body}\r\n-----END PUBLIC KEY-----\r\nbye\r\n`;
  assert.deepEqual(
    decodePem(text).map((block) => [block.label, block.bytes.length]),
    [['PUBLIC KEY', 90]],
  );
});

const attacks: [string, string][] = [
  ['no end line', '-----BEGIN X-----\nAAAA\n'],
  ['another end label', '-----BEGIN X-----\nAAAA\n-----END Y-----\n'],
  ['a body that is not base64', '-----BEGIN X-----\nA*AA\n-----END X-----\n'],
  ['non-canonical base64', '-----BEGIN X-----\nAAB=\n-----END X-----\n'],
  ['a header inside', '-----BEGIN X-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END X-----\n'],
];
for (const [name, text] of attacks)
  test(`PEM with ${name} is refused`, () => assert.throws(() => decodePem(text), DerError));

test('more blocks than allowed are refused', () => {
  assert.throws(() => decodePem(encodePem('X', Buffer.of(1)).repeat(33)), DerError);
});
