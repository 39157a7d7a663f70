import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { goQuote } from '../src/core/go/go-quote.ts';
import { isIpv6 } from '../src/core/go/go-url-host.ts';
import { GoUrlError, goUrlHostname, goUrlToString, parseGoUrl } from '../src/core/go/go-url.ts';

const round = (text: string): string => goUrlToString(parseGoUrl(text));
const refusal = (text: string): string => {
  try {
    return `accepted: ${round(text)}`;
  } catch (error) {
    assert.ok(error instanceof GoUrlError);
    return error.message;
  }
};

/** text → what it is written as. */
const SAME = [
  'https://EXAMPLE.com:443/a/../b//c',
  'https://example.com',
  'https://example.com/?',
  'https://example.com/a?b?c#d',
  'https://u:@example.com/',
  'https://[::1]:8080/',
  'https://[fe80::1%25en0]/',
  'urn:example:a:b',
  'mailto:dev@example.com',
  '//example.com/a',
  './a:b',
  '?x',
  '*',
  '',
  'file:///etc/x',
  'https:a',
  'http:/a',
  'https://example.com/%2f%41%E4%B8%AD',
  "https://example.com/!$&'()*+,;=:@",
];

for (const text of SAME)
  test(`a URL that needs no escape stays as it is: ${text}`, () => assert.equal(round(text), text));

const CHANGED: [string, string][] = [
  ['HTTPS://example.com/', 'https://example.com/'],
  ['https://example.com/ü', 'https://example.com/%C3%BC'],
  ['https://bücher.example.com/', 'https://b%C3%BCcher.example.com/'],
  ['https://example.com/#', 'https://example.com/'],
  ['https://example.com/#a#b', 'https://example.com/#a%23b'],
  ['https://example.com/ %41', 'https://example.com/%20A'],
  ['http://', 'http:'],
  ['https://example.com/{x}|^`"<>\\', 'https://example.com/%7Bx%7D%7C%5E%60%22%3C%3E%5C'],
  ['https://example.com/#\u0001', 'https://example.com/#%01'],
];

for (const [from, to] of CHANGED) test(`${JSON.stringify(from)} is written ${to}`, () => assert.equal(round(from), to));

const REFUSED: [string, string][] = [
  [':', 'parse ":": missing protocol scheme'],
  ['1a:b', 'parse "1a:b": first path segment in URL cannot contain colon'],
  ['https://example.com/%zz', 'parse "https://example.com/%zz": invalid URL escape "%zz"'],
  ['https://example.com/%', 'parse "https://example.com/%": invalid URL escape "%"'],
  ['https://[::1', 'parse "https://[::1": missing \']\' in host'],
  ['https://a[::1]/', 'parse "https://a[::1]/": invalid IP-literal'],
  ['https://[a.b]/', 'parse "https://[a.b]/": invalid IP-literal'],
  ['https://[::1]x/', 'parse "https://[::1]x/": invalid port "x" after host'],
  ['https://h:port/', 'parse "https://h:port/": invalid port ":port" after host'],
  ['https://a b/', 'parse "https://a b/": invalid character " " in host name'],
  ['https://a%2fb/', 'parse "https://a%2fb/": invalid URL escape "%2f"'],
  ['https://u ser@h/', 'parse "https://u ser@h/": net/url: invalid userinfo'],
  ['https://h/\n', 'parse "https://h/\\n": net/url: invalid control character in URL'],
  ['https://h/#%zz', 'parse "https://h/#%zz": invalid URL escape "%zz"'],
];

for (const [text, message] of REFUSED) {
  test(`${JSON.stringify(text)} is refused with Go's words`, () => assert.equal(refusal(text), message));
}

test('the host name stands without port and brackets', () => {
  assert.equal(goUrlHostname(parseGoUrl('http://localhost:28080/u')), 'localhost');
  assert.equal(goUrlHostname(parseGoUrl('http://[::1]:80/')), '::1');
  assert.equal(goUrlHostname(parseGoUrl('http://user@LOCALHOST')), 'LOCALHOST');
  assert.equal(goUrlHostname(parseGoUrl('urn:x')), '');
});

test('any text is parsed or refused, never anything else, and what is written is written the same again', () => {
  const piece = fc.constantFrom(
    'http',
    ':',
    '/',
    '//',
    '?',
    '#',
    '%',
    '%41',
    '%zz',
    '[',
    ']',
    '@',
    '.',
    '..',
    'ü',
    ' ',
    'a',
    '\n',
  );
  const anyUrl = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece, { maxLength: 20 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(anyUrl, (text) => {
      const first = refusal(text);
      if (!first.startsWith('accepted: ')) return;
      const once = first.slice('accepted: '.length);
      const twice = refusal(once);
      assert.ok(
        twice === `accepted: ${once}` || once.includes('%') || !twice.startsWith('accepted'),
        `${once} → ${twice}`,
      );
    }),
    { numRuns: 3000 },
  );
});

test('escaping keeps what WHATWG keeps too: path bytes decode to the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (path) => {
      const text = `https://example.com/${path.replaceAll(/[%?#\x00-\x1f\x7f]/g, '')}`;
      assert.equal(decodeURI(round(text).replaceAll('%25', '%')), decodeURI(text));
    }),
    { numRuns: 1000 },
  );
});

test('a long URL costs time in proportion to its length', () => {
  assert.equal(round(`https://example.com/${'%41'.repeat(100_000)}`).length, 300_020);
  assert.match(refusal(`https://${'a:'.repeat(100_000)}`), /invalid port/);
});

test('quoting escapes what Go escapes', () => {
  assert.equal(goQuote('a"\\\n\u0001\u00a0\u{1F600}\u{E000}'), '"a\\"\\\\\\n\\x01\\u00a0😀\\ue000"');
});

test('IPv6 addresses are told from other text as the platform does', () => {
  const part = fc.constantFrom('::', ':', '1', 'ff', '0', '12345', 'g', '1.2.3.4', '01.2.3.4', '256.1.1.1', 'abcd');
  const random = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.ipV6(), random), (text) => assert.equal(isIpv6(text), isIPv6(text), text)),
    { numRuns: 20_000 },
  );
});
