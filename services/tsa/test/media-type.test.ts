import assert from 'node:assert/strict';
import { test } from 'node:test';
import { negotiate } from '../src/http/accept.ts';
import { bodyFormat, contentTypeFault } from '../src/http/content-type.ts';
import { goJson, goQuote } from '../src/http/go-text.ts';
import { parseMediaType } from '../src/http/media-type.ts';
import { cleanPath, escapedPath } from '../src/http/paths.ts';

const CONSUMES = ['application/timestamp-query', 'application/json'];
const ONLY = 'only [application/timestamp-query application/json] are allowed';

test('media types that are taken, also with parameters and capitals', () => {
  for (const header of [
    'application/json',
    'APPLICATION/JSON',
    'application/json; charset=utf-8',
    'application/json;',
    'application/json ; a="b;c" ; d=e',
  ])
    assert.equal(contentTypeFault(header, CONSUMES), undefined, header);
});

test('D52 media types that are not taken are 415, wildcards too', () => {
  for (const type of ['text/plain', 'application/x', '*/*', 'application/*', '*/json', 'application/problem+json'])
    assert.deepEqual(contentTypeFault(type, CONSUMES), {
      status: 415,
      message: `unsupported media type "${type}", ${ONLY}`,
    });
  for (const absent of [undefined, ''])
    assert.match(
      contentTypeFault(absent, CONSUMES)?.message ?? '',
      /^unsupported media type "application\/octet-stream"/,
    );
});

test('D52 what is no media type is 400, with the reason', () => {
  const reasons: [string, string][] = [
    ['garbage', 'mediatype: malformed: "garbage" has no subtype'],
    [';a=b', 'mime: no media type'],
    ['/json', 'mime: no media type'],
    ['a b', 'mime: expected slash after first token'],
    ['application/', 'mime: expected token after slash'],
    ['application/json x', 'mime: unexpected content after media subtype'],
    ['application/json;;', 'mime: invalid media parameter'],
    ['application/json; =x', 'mime: invalid media parameter'],
    ['application/json; a', 'mime: invalid media parameter'],
    ['application/json; a=', 'mime: invalid media parameter'],
    ['application/json; a="x', 'mime: invalid media parameter'],
    ['application/json; a=1; A=2', 'mime: duplicate parameter name'],
  ];
  for (const [header, reason] of reasons) {
    const message = `parsing Content-Type header from "${header.replaceAll('"', '\\"')}" failed, because ${reason}`;
    assert.deepEqual(contentTypeFault(header, CONSUMES), { status: 400, message });
  }
  assert.equal(contentTypeFault('application/json; a=1; a=1', CONSUMES), undefined);
});

test('the handler looks at the text: parameters and capitals are not understood', () => {
  assert.equal(bodyFormat('application/timestamp-query'), 'der');
  assert.equal(bodyFormat('application/json'), 'json');
  assert.equal(bodyFormat('application/json; charset=utf-8'), 'other');
  assert.equal(bodyFormat('application/Json'), 'other');
  assert.equal(bodyFormat('Application/json'), 'not_application');
  assert.equal(bodyFormat('application/json; a="application/json"'), 'not_application');
});

test('quoted strings and escapes in parameters', () => {
  const parsed = parseMediaType('a/b; c="d\\"e\\\\f"; g="\\h"');
  assert.ok(parsed.ok);
  assert.deepEqual(
    [...parsed.params],
    [
      ['c', 'd"e\\f'],
      ['g', '\\h'],
    ],
  );
});

test('Accept: best quality, then most specific, then first offer', () => {
  const offers = ['a/one', 'a/two'];
  const choices: [string | undefined, string | undefined][] = [
    [undefined, 'a/one'],
    ['', undefined],
    ['*/*', 'a/one'],
    ['a/*', 'a/one'],
    ['a/two', 'a/two'],
    ['a/one;q=0.5, a/two', 'a/two'],
    ['*/*, a/two', 'a/two'],
    ['a/two;q=0.1, */*;q=0.2', 'a/one'],
    ['a/one;q=0', undefined],
    ['a/one;q=0, */*', 'a/one'],
    ['b/c', undefined],
    ['nonsense, a/two', 'a/two'],
    ['a/one;q=x', 'a/one'],
    ['a/two;x="a,b", b/c', 'a/two'],
    ['A/TWO', 'a/two'],
    // A quote that nothing closes reaches to the end, whatever the end is: never read again from its middle.
    ['b/c;x="d, a/two', undefined],
    ['b/c;x="d, a/two, \\', undefined],
  ];
  for (const [accept, chosen] of choices) assert.equal(negotiate(accept, offers), chosen, String(accept));
});

test('headers are quoted byte for byte: quotes, backslashes, tabs, text that is no UTF-8', () => {
  assert.equal(goQuote('a"b\\c\td'), '"a\\"b\\\\c\\td"');
  assert.equal(goQuote(Buffer.from('é€😀').toString('latin1')), '"é€😀"');
  assert.equal(goQuote('\xff\xe2\x82'), '"\\xff\\xe2\\x82"');
  assert.equal(goQuote(Buffer.from('\u00a0\u200b').toString('latin1')), '"\\u00a0\\u200b"');
  assert.equal(goJson({ message: '<a>&' }), '{"message":"\\u003ca\\u003e\\u0026"}');
});

test('paths: cleaned as the router does, escaped as the answer shows them', () => {
  assert.equal(cleanPath('//api/./v1/../v1//timestamp/'), '/api/v1/timestamp');
  assert.equal(cleanPath('/../..'), '/');
  assert.equal(escapedPath('/a%20b?c'), '/a%20b');
  assert.equal(escapedPath('http://host/a?b'), '/a');
  assert.equal(escapedPath('/a"<\xe9'), '/a%22%3C%E9');
});
