import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  FormatError,
  hasTrailingText,
  type JsonValue,
  memberIgnoringCase,
  type ParseJsonOptions,
  parseJson,
  positionOf,
  toPlain,
} from '../src/index.ts';

function failure(input: string | Uint8Array, options?: ParseJsonOptions): FormatError {
  try {
    parseJson(input, options);
  } catch (error) {
    assert.ok(error instanceof FormatError);
    return error;
  }
  assert.fail(`accepted ${JSON.stringify(input)}`);
}

function objectOf(text: string): Extract<JsonValue, { kind: 'object' }> {
  const { value } = parseJson(text);
  assert.ok(value.kind === 'object');
  return value;
}

test('what JSON.stringify writes is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      assert.deepEqual(toPlain(parseJson(text).value), JSON.parse(text));
    }),
  );
});

test('it accepts a text exactly when JSON.parse accepts it (mutated texts)', () => {
  const alphabet = fc.constantFrom(...Array.from('{}[]":,.-+eE0123456789 truefalsn\\u/bx\n\t\u0001\u00e9'));
  const mutated = fc
    .tuple(fc.jsonValue({ maxDepth: 3 }), fc.nat(), fc.nat(3), alphabet)
    .map(([value, place, cut, insert]) => {
      const text = JSON.stringify(value);
      const at = place % (text.length + 1);
      return text.slice(0, at) + insert + text.slice(at + cut);
    })
    .filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(mutated, (text) => {
      let expected: { value: unknown } | undefined;
      try {
        expected = { value: JSON.parse(text) };
      } catch {
        expected = undefined;
      }
      let actual: { value: unknown } | undefined;
      try {
        const parsed = parseJson(text);
        if (!hasTrailingText(parsed)) actual = { value: toPlain(parsed.value) };
      } catch (error) {
        assert.ok(error instanceof FormatError);
        if (error.code === 'json_unicode') return;
      }
      assert.deepEqual(actual, expected);
    }),
    { numRuns: 3000 },
  );
});

test('random bytes give a value or a coded error, never anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        parseJson(bytes);
      } catch (error) {
        assert.ok(error instanceof FormatError);
      }
    }),
    { numRuns: 2000 },
  );
});

test('number text, member order and repeated names are kept', () => {
  const object = objectOf('{"b":1.50,"a":-0,"b":1E400}');
  assert.deepEqual(
    object.members.map(({ name, value }) => [name, value.kind === 'number' ? value.text : value.kind]),
    [
      ['b', '1.50'],
      ['a', '-0'],
      ['b', '1E400'],
    ],
  );
});

test('offsets name the exact bytes of names and values', () => {
  const text = '\n {"é": [1, "x"]}';
  const { value, end, source } = parseJson(text);
  assert.ok(value.kind === 'object');
  const [only] = value.members;
  assert.ok(only);
  assert.equal(Buffer.from(source).toString('utf8', only.nameAt, only.nameEnd), '"é"');
  assert.equal(Buffer.from(source).toString('utf8', only.value.at, only.value.end), '[1, "x"]');
  assert.deepEqual(positionOf(source, only.value.at), { line: 2, column: 8 });
  assert.equal(end, source.length);
});

test('only the first value is read and its end is told', () => {
  const parsed = parseJson(Buffer.from('{} \xff\xfe', 'latin1'));
  assert.equal(parsed.end, 2);
  assert.equal(hasTrailingText(parsed), true);
  assert.equal(hasTrailingText(parseJson('5 \n')), false);
});

test('broken texts get the words of encoding/json', () => {
  const cases: [string, string][] = [
    ['{', 'unexpected EOF'],
    ['/**/{}', "invalid character '/' looking for beginning of value"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ["{'a':1}", "invalid character '\\'' looking for beginning of object key string"],
    ['\ufeff{}', "invalid character 'ï' looking for beginning of value"],
    ['{"a":"b\tc"}', "invalid character '\\t' in string literal"],
    ['"\u001f"', "invalid character '\\x1f' in string literal"],
    ['a=b', "invalid character 'a' looking for beginning of value"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 2}', "invalid character '2' after object key:value pair"],
    ['[1 2]', "invalid character '2' after array element"],
    ['[01]', "invalid character '1' after array element"],
    ['[-]', "invalid character ']' in numeric literal"],
    ['[1.]', "invalid character ']' after decimal point in numeric literal"],
    ['[1e+]', "invalid character ']' in exponent of numeric literal"],
    ['[trux]', "invalid character 'x' in literal true (expecting 'e')"],
    ['["\\x"]', "invalid character 'x' in string escape code"],
    ['["\\u12g4"]', "invalid character 'g' in \\u hexadecimal character escape"],
    ['["a', 'unexpected EOF'],
    ['nul', 'unexpected EOF'],
    ['[\u0001]', "invalid character '\\x01' looking for beginning of value"],
    ['[\u007f]', "invalid character '\\x7f' looking for beginning of value"],
  ];
  for (const [text, message] of cases) {
    const error = failure(text);
    assert.equal(error.code, 'json_syntax', text);
    assert.equal(error.message, message, text);
  }
});

test('nothing but white space is "empty", a different error from broken', () => {
  for (const text of ['', ' ', '\r\n\t']) assert.equal(failure(text).code, 'json_empty');
});

test('depth is bounded without recursion, at the stated limit and not before', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  assert.equal(parseJson(nested(64)).end, 128);
  assert.equal(failure(nested(65)).code, 'json_depth');
  assert.equal(parseJson(nested(10_000), { maxDepth: 10_000 }).end, 20_000);
  assert.throws(() => toPlain(parseJson(nested(10_000), { maxDepth: 10_000 }).value), { code: 'json_depth' });
  const error = failure('{"x":'.repeat(20_000), { maxDepth: 10_000 });
  assert.equal(error.message, "invalid character '{' exceeded max depth");
});

test('the number of values is bounded', () => {
  assert.equal(failure(`[${'1,'.repeat(10)}1]`, { maxNodes: 11 }).code, 'json_too_many_values');
  assert.equal(parseJson(`[${'1,'.repeat(9)}1]`, { maxNodes: 11 }).value.kind, 'array');
});

test('repeated names can be refused, also when spelt with escapes', () => {
  assert.equal(failure('{"a":1,"b":2,"\\u0061":3}', { onDuplicate: 'error' }).code, 'json_duplicate_name');
  assert.equal(failure('[{"x":{"a":1,"a":2}}]', { onDuplicate: 'error' }).code, 'json_duplicate_name');
  assert.equal(parseJson('{"a":{"a":1},"b":{"a":1}}', { onDuplicate: 'error' }).value.kind, 'object');
});

test('what is no Unicode is refused, or replaced where Go replaces it', () => {
  const invalid = Buffer.from('{"a":"\xff"}', 'latin1');
  assert.equal(failure(invalid).code, 'json_unicode');
  assert.equal(failure('"\\ud800"').code, 'json_unicode');
  assert.equal(failure('"\\udc00\\ud800"').code, 'json_unicode');
  assert.equal(failure('"\ud800"').code, 'json_unicode');
  assert.deepEqual(toPlain(parseJson(invalid, { unicode: 'replace' }).value), { a: '\ufffd' });
  assert.equal(toPlain(parseJson('"\\ud800x"', { unicode: 'replace' }).value), '\ufffdx');
  assert.equal(toPlain(parseJson('"\\ud83d\\ude00"').value), '😀');
});

test('__proto__ is an ordinary name', () => {
  const plain = toPlain(parseJson('{"__proto__":{"polluted":true},"a":1}').value) as Record<string, unknown>;
  assert.deepEqual(Object.keys(plain), ['__proto__', 'a']);
  assert.equal(Object.getPrototypeOf(plain), Object.prototype);
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test('names match without case as Go matches them, the last one winning', () => {
  const object = objectOf('{"nonce":1,"NONCE":2,"Nonce":3,"ha\u017fh":4}');
  assert.equal(toPlain(memberIgnoringCase(object, 'nonce') ?? assert.fail()), 3);
  assert.equal(toPlain(memberIgnoringCase(object, 'hash') ?? assert.fail()), 4);
  assert.equal(memberIgnoringCase(object, 'other'), undefined);
});
