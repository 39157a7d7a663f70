import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '@sigstead/platform';
import fc from 'fast-check';
import { type IssuerEntry, issuersFromFile, issuersSchema, resolveIssuers } from '../src/config.ts';
import { isEmail } from '../src/core/identity/is-email.ts';
import { parseJsonPath } from '../src/core/identity/json-path.ts';
import { matchesPattern } from '../src/core/identity/meta-issuer.ts';
import { asciiName } from '../src/core/identity/principal.ts';
import { plainNumber } from '../src/core/go/go-value.ts';

test('37 addresses: one @, a dot-atom, a dotted domain; nothing quoted, no control characters, no white space', () => {
  const good = [
    'a@b.c',
    "o'neil+x@example.com",
    'a!b%c/d@a-b.example.com',
    'dev@ex_ample.com',
    'x@a.b.',
    'dev@1.example',
  ];
  const bad = [
    '',
    '@',
    'a@',
    '@b.c',
    'a@b',
    'a@b@c.d',
    '.a@b.c',
    'a.@b.c',
    'a..b@c.d',
    '"a"@b.c',
    'a b@c.d',
    'a@b c.d',
    'a\0@b.c',
    'a@b.c\n',
    'a@-b.c',
    'a@b-.c',
    'a@b.1',
    'a@[127.0.0.1]',
    'Dev <a@b.c>',
    'a@b.c,d@e.f',
    'a@.b.c',
    'a@b.c-',
  ];
  for (const text of good) assert.equal(isEmail(text), true, text);
  for (const text of bad) assert.equal(isEmail(text), false, JSON.stringify(text));
});

test('an address is judged in time proportional to its length', () => {
  assert.equal(isEmail(`${'a.'.repeat(100_000)}@example.com`), false);
  assert.equal(isEmail(`a@${'a.'.repeat(100_000)}1`), false);
  assert.equal(isEmail(`a@${'-a'.repeat(100_000)}.com`), false);
});

/** The rule, transcribed: quote, replace `*`, anchor. */
const asRegExp = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&'))
      .join('[-_a-zA-Z0-9]+')}$`,
  );

test('31 patterns match like the anchored expression they stand for', () => {
  const pattern = 'https://oidc.eks.*.amazonaws.com/id/*';
  assert.equal(matchesPattern(pattern, 'https://oidc.eks.us-west-2.amazonaws.com/id/AB12'), true);
  assert.equal(matchesPattern(pattern, 'https://oidc.eks.a.b.amazonaws.com/id/X'), false);
  assert.equal(matchesPattern(pattern, 'https://oidc.eks.us.amazonaws.com/id/A/B'), false);
  const part = fc.constantFrom('*', 'a', 'ab', '.', '/', '-', 'b');
  const text = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, text, (wanted, issuer) => {
      assert.equal(matchesPattern(wanted, issuer), asRegExp(wanted).test(issuer), `${wanted} against ${issuer}`);
    }),
    { numRuns: 20_000 },
  );
});

test('numbers are plain digits, and read back as the same number', () => {
  const pairs: [string, string][] = [
    ['1e21', `1${'0'.repeat(21)}`],
    ['12345678901', '12345678901'],
    ['9007199254740993', '9007199254740993'],
    ['1.5e3', '1500'],
    ['1e-7', '0.0000001'],
    ['-0.0', '-0'],
    ['5e-324', `0.${'0'.repeat(323)}5`],
    ['1.25e-10', '0.000000000125'],
    ['1.2345678901e+25', '12345678901000000000000000'],
  ];
  for (const [raw, text] of pairs) assert.equal(plainNumber(raw), text);
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = plainNumber(JSON.stringify(value));
      assert.match(text, /^-?\d+(\.\d+)?$/);
      assert.equal(Number(text), value === 0 ? Number(text) : value);
    }),
    { numRuns: 5000 },
  );
});

test('names that no certificate can hold are refused with the library text clients know', () => {
  assert.throws(() => asciiName('email', 'a@ü.de'), /^CaError: x509: "a@ü\.de" cannot be encoded as an IA5String$/);
  assert.throws(() => asciiName('uri', 'https://a..b/'), /invalid domain/);
  assert.throws(() => asciiName('uri', 'https://a%2fb/'), /x509: cannot parse URI "https:\/\/a%2fb\/": parse/);
  assert.equal(asciiName('uri', 'urn:x').value, 'urn:x');
});

test('issuer claims: a path that names one claim, nothing else', () => {
  assert.deepEqual(parseJsonPath("$.a['b c'].d[0]"), ['a', 'b c', 'd', 0]);
  for (const bad of ['a', '$', '$..a', '$.*', '$[?(@.a)]', '$.a.', '$.a[', `$${'.a'.repeat(600)}`]) {
    assert.equal(parseJsonPath(bad), undefined, bad.slice(0, 20));
  }
});

const URL_ = 'https://issuer.example.com';
const resolve = (entry: IssuerEntry, url = URL_) => resolveIssuers({ issuers: { [url]: entry } });

const BAD_ENTRIES: [string, IssuerEntry, RegExp][] = [
  ['an unknown type', { type: 'saml' }, /identity type "saml" is unknown, so it is refused/],
  ['a type of birth', { type: 'constructor' }, /is unknown/],
  ['ci-provider without a mapping', { type: 'ci-provider', 'ci-provider': 'nope' }, /has no mapping/],
  ['ci-provider named like an object member', { type: 'ci-provider', 'ci-provider': 'toString' }, /has no mapping/],
  ['issuer-claim on another type', { type: 'ci-provider', 'issuer-claim': '$.a' }, /for type email only/],
  ['issuer-claim that is no path', { type: 'email', 'issuer-claim': 'a.b' }, /no path/],
  ['uri without domain', { type: 'uri' }, /needs a scheme/],
  ['uri with a domain without scheme', { type: 'uri', 'subject-domain': 'example.com' }, /needs a scheme/],
  ['uri with another scheme', { type: 'uri', 'subject-domain': 'http://example.com' }, /another scheme/],
  ['uri in another domain', { type: 'uri', 'subject-domain': 'https://example.net' }, /not in the domain/],
  ['username with a scheme', { type: 'username', 'subject-domain': 'https://example.com' }, /without scheme/],
  ['username in another domain', { type: 'username', 'subject-domain': 'example.net' }, /not in the domain/],
  ['spiffe without trust domain', { type: 'spiffe' }, /trust domain/],
  ['spiffe with a bad trust domain', { type: 'spiffe', 'spiffe-trust-domain': 'Example.com' }, /trust domain/],
  ['another URL than its key', { type: 'email', 'issuer-url': 'https://x' }, /differs/],
  ['ca-cert that is none', { type: 'email', 'ca-cert': 'x' }, /no PEM/],
  ['an unknown key', { type: 'email', 'client-ids': 'x' } as IssuerEntry, /unknown key client-ids/],
];

for (const [what, entry, message] of BAD_ENTRIES) {
  test(`configuration with ${what} does not start`, () => assert.throws(() => resolve(entry), message));
}

test('all problems are named at once, with their place', () => {
  const config = {
    issuers: { a: { type: 'email' }, [URL_]: { type: 'x' } },
    metaIssuers: { 'https://p': { type: 'email' } },
  };
  assert.throws(
    () => resolveIssuers(config),
    (error: Error) => error.message.split('\n').length === 3,
  );
});

test('a mapping that does not parse does not start, nor one with an unknown extension', () => {
  const entry = { type: 'ci-provider', 'ci-provider': 'p' };
  const start = (settings: object) => resolveIssuers({ issuers: { [URL_]: entry }, ciProviders: { p: settings } });
  assert.throws(() => start({ 'subject-alternative-name-template': '{{ .a' }), /unclosed/);
  assert.throws(() => start({ 'extension-templates': { 'build-signer': 'a' } }), /unknown key/);
});

test('uri behind a pattern is refused; sub-domains of the same two labels are accepted', () => {
  const entry = { type: 'uri', 'subject-domain': 'https://users.example.com' };
  assert.throws(
    () => resolveIssuers({ issuers: {}, metaIssuers: { 'https://*.example.com': entry } }),
    /behind a pattern/,
  );
  assert.equal(resolve(entry)[0]?.subjectDomain, 'https://users.example.com');
});

test('the file form gives the same issuers, and refuses unknown keys', () => {
  const yaml = `
oidc-issuers:
  https://issuer.example.com:
    type: ci-provider
    client-id: sigstore
    ci-provider: mine
ci-issuer-metadata:
  mine:
    default-template-values: { url: "https://x", environment: "" }
    extension-templates: { build-trigger: event }
    subject-alternative-name-template: "{{ .url }}/{{ .sub }}"
`;
  const [issuer] = resolveIssuers(issuersFromFile(parseConfig(yaml, issuersSchema)));
  assert.equal(issuer?.rule.type, 'ci-provider');
  assert.throws(() => parseConfig(`${yaml}\nother: 1\n`, issuersSchema), /unknown key/);
});
