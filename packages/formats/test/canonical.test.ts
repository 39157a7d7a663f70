import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { jcs, olpc, pae, parseJson, toPlain } from '../src/index.ts';

const text = (value: unknown): string => Buffer.from(olpc(value)).toString('utf8');

test('the example of RFC 8785 §3.2.2 and §3.2.4', () => {
  const input = `{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
    "string":"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}`;
  const expected =
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
    '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}';
  assert.equal(jcs(toPlain(parseJson(input).value)), expected);
});

test('the ordering example of RFC 8785 §3.2.3: UTF-16 code units', () => {
  const names = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6'];
  const value = Object.fromEntries(names.map((name) => [name, 0]));
  const order = [...jcs(value).matchAll(/"((?:[^"\\]|\\.)*)":/g)].map((match) => match[1]);
  assert.deepEqual(order, ['\\r', '1', '\u0080', '\u00f6', '\u20ac', '\u{1f600}', '\ufb33']);
});

test('JCS is JSON.parse-equal, stable under member order, and has one form', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const once = jcs(value);
      assert.deepEqual(JSON.parse(once), JSON.parse(JSON.stringify(value)));
      assert.equal(jcs(JSON.parse(once)), once);
    }),
  );
  assert.equal(jcs({ b: [1], a: { d: 1, c: -0 } }), '{"a":{"c":0,"d":1},"b":[1]}');
});

test('values without a canonical form are refused by both encoders, never left out', () => {
  const sparse: unknown[] = [];
  sparse.length = 1;
  const bad = [
    undefined,
    { a: undefined },
    [undefined],
    sparse,
    1n,
    Number.NaN,
    Infinity,
    '\ud800',
    { '\ud800': 1 },
    new Date(0),
    new Map(),
    () => 1,
    Symbol('x'),
  ];
  for (const value of bad) {
    assert.throws(() => jcs(value), { code: 'canonical_unencodable' });
    assert.throws(() => olpc(value), { code: 'canonical_unencodable' });
  }
  let deep: unknown = 1;
  for (let depth = 0; depth < 10_000; depth++) deep = [deep];
  assert.throws(() => jcs(deep), { code: 'canonical_unencodable' });
  assert.throws(() => olpc(deep), { code: 'canonical_unencodable' });
});

test('__proto__ is an ordinary name', () => {
  assert.equal(jcs(JSON.parse('{"__proto__":1,"a":2}')), '{"__proto__":1,"a":2}');
});

test('OLPC escapes only quote and backslash; line ends stay raw bytes', () => {
  assert.equal(text({ b: 'x\n\t"\\é\u0001', a: [1, true, null] }), '{"a":[1,true,null],"b":"x\n\t\\"\\\\é\u0001"}');
});

test('OLPC takes integers only', () => {
  assert.equal(text([0, -0, -5, 2 ** 53 - 1]), '[0,0,-5,9007199254740991]');
  for (const number of [0.5, 2 ** 53, -(2 ** 53), 1e300]) {
    assert.throws(() => olpc(number), { code: 'canonical_unencodable' });
  }
});

test('OLPC sorts names by UTF-8 bytes, not UTF-16', () => {
  assert.equal(text({ '\u{1f600}': 1, '\ufb33': 2, a: 3, B: 4 }), '{"B":4,"a":3,"\ufb33":2,"\u{1f600}":1}');
});

test('the recorded rekor-tiles entry bodies are their own JCS', () => {
  const path = new URL('../../../test/vectors/recorded/rekor2.jsonl', import.meta.url);
  let count = 0;
  for (const line of readFileSync(path, 'utf8').trim().split('\n')) {
    const { response } = JSON.parse(line) as { response: { canonicalizedBodyText?: string } };
    if (response.canonicalizedBodyText === undefined) continue;
    assert.equal(jcs(toPlain(parseJson(response.canonicalizedBodyText).value)), response.canonicalizedBodyText);
    count++;
  }
  assert.ok(count >= 40, String(count));
});

test('PAE counts bytes, not characters, and takes any payload', () => {
  const of = (type: string, payload: string): string => Buffer.from(pae(type, Buffer.from(payload))).toString('utf8');
  assert.equal(
    of('http://example.com/HelloWorld', 'hello world'),
    'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
  );
  assert.equal(of('é', '€'), 'DSSEv1 2 é 3 €');
  assert.equal(of('', ''), 'DSSEv1 0  0 ');
  assert.deepEqual(pae('t', Buffer.of(0, 255)), Buffer.from('DSSEv1 1 t 2 \x00\xff', 'latin1'));
});
