import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  FormatError,
  formatAddCheckpointRequest,
  formatTlogSize,
  MAX_ADD_CHECKPOINT_BYTES,
  parseAddCheckpointRequest,
  parseCosignatureAnswer,
  parseTlogSize,
} from '../src/index.ts';

/** The example of the specification. */
const EXAMPLE = `old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
`;
const HASH_LINE = 'PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n';

const refusal = (body: string | Uint8Array): string => {
  try {
    parseAddCheckpointRequest(typeof body === 'string' ? Buffer.from(body) : body);
  } catch (error) {
    assert.ok(error instanceof FormatError, String(error));
    return error.code;
  }
  return 'accepted';
};

test('the request of the specification is read, and written back to the byte', () => {
  const { oldSize, proof, note } = parseAddCheckpointRequest(Buffer.from(EXAMPLE));
  assert.equal(oldSize, 20_852_014);
  assert.equal(proof.length, 4);
  assert.equal(note.signatures.length, 2);
  assert.ok(note.text.startsWith('example.com/behind-the-sofa\n20852163\n'));
  const [, text = ''] = EXAMPLE.split(/\n\n(.*)/s);
  assert.equal(formatAddCheckpointRequest({ oldSize, proof, note: text }), EXAMPLE);
});

test('a request without proof, with 63 hashes, with text after the tree head is read', () => {
  assert.equal(refusal(EXAMPLE.replace(/^old.*?\n\n/s, 'old 0\n\n')), 'accepted');
  assert.equal(refusal(EXAMPLE.replace(/^old.*?\n\n/s, `old 5\n${HASH_LINE.repeat(63)}\n`)), 'accepted');
  assert.equal(refusal(EXAMPLE.replace('q2I=\n', 'q2I=\nextension\n')), 'accepted');
});

test('a malformed request is refused, whatever part of it is wrong', () => {
  const bad: [string, string][] = [
    ['nothing', ''],
    ['old line only', 'old 0\n'],
    ['old line and empty line only', 'old 0\n\n'],
    ['no old line', EXAMPLE.slice(EXAMPLE.indexOf('\n') + 1)],
    ['old in capitals', EXAMPLE.replace('old', 'OLD')],
    ['no space', EXAMPLE.replace('old ', 'old')],
    ['two spaces', EXAMPLE.replace('old ', 'old  ')],
    ['leading zero', EXAMPLE.replace('old ', 'old 0')],
    ['sign', EXAMPLE.replace('old ', 'old +')],
    ['negative', EXAMPLE.replace('old ', 'old -')],
    ['no digits', EXAMPLE.replace('20852014', '')],
    ['text after the size', EXAMPLE.replace('20852014', '20852014 x')],
    ['size over 2^53', EXAMPLE.replace('20852014', '9007199254740993')],
    ['size of twenty digits', EXAMPLE.replace('20852014', '18446744073709551615')],
    ['CR LF', EXAMPLE.replaceAll('\n', '\r\n')],
    ['64 hashes', EXAMPLE.replace(/^old.*?\n\n/s, `old 5\n${HASH_LINE.repeat(64)}\n`)],
    ['hash of 31 bytes', EXAMPLE.replace(HASH_LINE, `${Buffer.alloc(31).toString('base64')}\n`)],
    ['hash of 33 bytes', EXAMPLE.replace(HASH_LINE, `${Buffer.alloc(33).toString('base64')}\n`)],
    ['hash without padding', EXAMPLE.replace(HASH_LINE, HASH_LINE.replace('=', ''))],
    ['hash in the URL alphabet', EXAMPLE.replace('/6WVhPs2', '_6WVhPs2')],
    ['hash with unused bits set', EXAMPLE.replace('kaw=', 'kax=')],
    ['no empty line', EXAMPLE.replace('\n\n', '\n')],
    ['two empty lines', EXAMPLE.replace('\n\n', '\n\n\n')],
    ['checkpoint without signatures', EXAMPLE.slice(0, EXAMPLE.indexOf('\u2014'))],
    ['no final line end', EXAMPLE.slice(0, -1)],
    ['byte order mark', `\ufeff${EXAMPLE}`],
    ['NUL', EXAMPLE.replace('sofa', 'so\u0000fa')],
    ['too long', `${EXAMPLE}${'\u2014 a AAAAAAAA\n'.repeat(MAX_ADD_CHECKPOINT_BYTES / 8)}`],
  ];
  for (const [what, body] of bad) assert.notEqual(refusal(body), 'accepted', what);
  const notUtf8 = Buffer.from(EXAMPLE);
  notUtf8[notUtf8.indexOf('sofa')] = 0xff;
  assert.equal(refusal(notUtf8), 'add_checkpoint_malformed');
});

test('bytes at random are read or refused, never more', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => refusal(bytes) !== ''));
  const mutated = fc.tuple(fc.nat(EXAMPLE.length + 10), fc.integer({ min: 0, max: 255 }), fc.nat(3));
  fc.assert(
    fc.property(mutated, ([at, byte, cut]) => {
      const bytes = [...Buffer.from(EXAMPLE)];
      bytes.splice(at, cut, byte);
      refusal(Buffer.from(bytes));
    }),
    { numRuns: 1000 },
  );
});

test('a request that a witness could not read is not written', () => {
  const note = 'x';
  for (const [oldSize, proof] of [
    [-1, []],
    [1.5, []],
    [2 ** 53, []],
    [1, Array<Uint8Array>(64).fill(Buffer.alloc(32))],
    [1, [Buffer.alloc(31)]],
  ] as const) {
    assert.throws(() => formatAddCheckpointRequest({ oldSize, proof, note }), { code: 'add_checkpoint_malformed' });
  }
});

test('the size in a 409 is one decimal number and a line end', () => {
  for (const size of [0, 1, 20_852_163, Number.MAX_SAFE_INTEGER]) {
    assert.equal(parseTlogSize(formatTlogSize(size)), size);
  }
  for (const body of ['', '\n', '1', '01\n', '+1\n', '-1\n', '1 \n', '1\n\n', '1\r\n', '0x1\n', '9007199254740993\n']) {
    assert.throws(() => parseTlogSize(body), { code: 'add_checkpoint_malformed' }, JSON.stringify(body));
  }
});

test('the answer is one to 16 signature lines and nothing else', () => {
  const line = `\u2014 witness.example/w1 ${Buffer.alloc(76, 1).toString('base64')}\n`;
  assert.equal(parseCosignatureAnswer(line)[0]?.name, 'witness.example/w1');
  assert.equal(parseCosignatureAnswer(line.repeat(16)).length, 16);
  for (const body of [
    '',
    '\n',
    line.slice(0, -1),
    `\n${line}`,
    `${line}\n`,
    `${line}x`,
    line.repeat(17),
    '<html>\n',
    line.repeat(1000),
  ]) {
    assert.throws(() => parseCosignatureAnswer(body), FormatError, JSON.stringify(body).slice(0, 60));
  }
});
