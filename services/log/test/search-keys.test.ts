import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseCertificate } from '@sigstead/formats';
import fc from 'fast-check';
import { canonicalBody, type EntryRules, verifiedEntry } from '../src/core/rekor-v2/entry.ts';
import { parseCreateEntry, proposedEntry } from '../src/core/rekor-v2/request.ts';
import { keysOfBody } from '../src/core/rekor-v2/search-entry.ts';
import { MAX_NAMES, nameBytes, namesOf, searchKey, searchKeysOf } from '../src/core/rekor-v2/search-keys.ts';
import { parseSearchQuery } from '../src/core/rekor-v2/search-query.ts';
import { LogError } from '../src/core/errors.ts';
import { der, type TestCertificate, type TestExtension } from './support/certificates.ts';
import { newKey } from './support/entries.ts';
import { bareIssuer, derIssuer, dns, email, entryOf, ip, san, signerCertificate, uri } from './support/search.ts';
import { hasher, sha256 } from './support/test-log.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const digest = sha256(Buffer.from('artifact'));

function keysOf(certificate: TestCertificate): string[] {
  const parsed = parseCertificate(certificate.der);
  return searchKeysOf({ hash: 'sha256', digest, spki: parsed.spki, certificate: parsed }, sha256).map(hex);
}

const identityKey = (text: string | Uint8Array): string =>
  hex(searchKey({ kind: 'identity', value: typeof text === 'string' ? nameBytes(text) : text }, sha256));
const issuerKey = (text: string): string => hex(searchKey({ kind: 'issuer', value: Buffer.from(text) }, sha256));

/** What every entry has: hash, key, certificate. */
const BASE = 3;

suite('what an entry is found by', () => {
  test('keys are what the specification says', () => {
    const over = (label: string, value: Uint8Array): string =>
      hex(sha256(Buffer.concat([Buffer.from(label), Buffer.of(0), value])));
    const certificate = signerCertificate(san(email('Ann@Example.org')), bareIssuer('https://Idp.example'));
    assert.deepEqual(keysOf(certificate), [
      over('artifact:sha256', digest),
      over('public-key', sha256(certificate.spki)),
      over('certificate', sha256(certificate.der)),
      over('identity', Buffer.from('ann@example.org')),
      over('issuer', Buffer.from('https://idp.example')),
    ]);
  });

  test('both issuer extensions with one value give one key, with two values two', () => {
    const same = keysOf(signerCertificate(bareIssuer('https://a.example'), derIssuer('https://a.example')));
    assert.equal(same.length, BASE + 1);
    const both = keysOf(signerCertificate(bareIssuer('https://a.example'), derIssuer('https://b.example')));
    assert.deepEqual(both.slice(BASE), [issuerKey('https://a.example'), issuerKey('https://b.example')]);
  });

  const hostile: [string, TestExtension[], number][] = [
    ['a SAN that is no sequence', [{ oid: '2.5.29.17', value: Buffer.from('no DER') }], 0],
    ['an empty SAN', [san()], 0],
    [
      'a SAN cut off after its first name',
      [{ oid: '2.5.29.17', value: der(0x30, email('a@b'), Buffer.of(0x81, 0x7f)) }],
      1,
    ],
    ['an otherName without content', [san(der(0xa0), email('a@b'))], 1],
    [
      'an otherName of another type',
      [san(der(0xa0, der(0x06, Buffer.of(0x2a, 3)), der(0xa0, der(0x0c)))), bareIssuer('i')],
      1,
    ],
    ['an IP address of five bytes', [san(ip(1, 2, 3, 4, 5))], 0],
    ['a directoryName', [san(der(0xa4, der(0x30)))], 0],
    ['an issuer that is no UTF8String', [{ oid: '1.3.6.1.4.1.57264.1.8', value: der(0x16, Buffer.from('x')) }], 0],
    ['an issuer that is no DER', [{ oid: '1.3.6.1.4.1.57264.1.8', value: Buffer.of(0x0c, 0x80) }], 0],
    ['an empty name', [san(email(''))], 1],
    ['the same name twice in different case', [san(email('A@b'), uri('a@B'))], 1],
    [
      '10,000 names',
      [san(...Array.from({ length: 10_000 }, (_, i) => der(0x81, Buffer.of(i >> 8, i & 255))))],
      MAX_NAMES,
    ],
    ['a name behind 98 that are none', [san(...Array<Buffer>(98).fill(der(0xa4)), email('a@b'))], 1],
    ['a name behind 99 that are none', [san(...Array<Buffer>(99).fill(der(0xa4)), email('a@b'))], 0],
    ['a name behind 50 that are opened', [san(...Array<Buffer>(50).fill(der(0xa0, der(0x06))), email('a@b'))], 0],
  ];
  for (const [what, extensions, count] of hostile) {
    test(`${what} fails nothing: ${count} keys beside those of hash, key and certificate`, () => {
      assert.equal(keysOf(signerCertificate(...extensions)).length, BASE + count);
    });
  }

  test('names with NUL, line ends, invalid UTF-8 and 50,000 bytes are names like any other', () => {
    for (const name of ['a\0b@c', 'a\nb', Buffer.of(0xff, 0xfe, 0x80), Buffer.alloc(50_000, 'x'), '\u{1F600}@x']) {
      const bytes = Buffer.from(name as string);
      assert.deepEqual(keysOf(signerCertificate(san(email(bytes)))).slice(BASE), [identityKey(bytes)]);
    }
  });

  test('case is folded for A to Z alone', () => {
    assert.equal(identityKey('AZ'), identityKey('az'));
    assert.notEqual(identityKey('É@x'), identityKey('é@x'));
    assert.notEqual(identityKey('[x'), identityKey('{x'));
    assert.notEqual(identityKey('\u212A'), identityKey('k'), 'the Kelvin sign is no K');
  });

  test('an address is found in any spelling, and what only looks like one is a text', () => {
    const [key] = keysOf(signerCertificate(san(ip(...Buffer.from('20010db8000000000000000000000001', 'hex'))))).slice(
      BASE,
    );
    for (const text of ['2001:db8::1', '2001:DB8:0:0:0:0:0:1', '2001:0db8::0.0.0.1'])
      assert.equal(identityKey(text), key);
    for (const text of ['2001:db8::1::', '2001:db8::g', '[2001:db8::1]', '2001:db8::1%25eth0', ':']) {
      assert.notEqual(identityKey(text), key);
    }
    assert.equal(identityKey('192.0.2.1'), keysOf(signerCertificate(san(ip(192, 0, 2, 1))))[BASE]);
    assert.notEqual(identityKey('3221225985'), identityKey('192.0.2.1'));
  });

  test('a name is no issuer, and a key no certificate', () => {
    assert.notEqual(identityKey('x'), issuerKey('x'));
    const of = (kind: 'public-key' | 'certificate'): string => hex(searchKey({ kind, sha256: digest }, sha256));
    assert.notEqual(of('public-key'), of('certificate'));
  });
});

suite('keys from the entry and keys from its canonical body', () => {
  const rules: EntryRules = {
    algorithms: new Set(['PKIX_ECDSA_P256_SHA_256']),
    dsse: true,
    digest: (_hash, data) => sha256(data),
    leafHash: (leaf) => hasher.leaf(leaf),
    searchKeys: (entry) => searchKeysOf(entry, sha256),
  };

  test('are the same', () => {
    const signers = [
      newKey(),
      signerCertificate(bareIssuer('i')),
      signerCertificate(san(dns('a.b'), email('x@y')), derIssuer('i')),
    ];
    for (const signer of signers) {
      const entry = verifiedEntry(proposedEntry(parseCreateEntry(entryOf(signer, 'm')), rules), rules);
      const { leaf } = entry.leaf({ index: 0, timestampMs: 0 });
      assert.deepEqual(keysOfBody(leaf, sha256).map(hex), entry.searchKeys?.map(hex));
      assert.ok((entry.searchKeys?.length ?? 0) >= 2);
    }
  });

  test('bytes that are no such entry have none, whatever they are', () => {
    const body = canonicalBody({
      verifier: { kind: 'x509Certificate', rawBytes: Buffer.from('no certificate'), keyDetails: 5 },
      signature: Buffer.of(1),
      digest,
      hash: 'sha256',
      details: { name: 'PKIX_ECDSA_P256_SHA_256' } as never,
    });
    for (const text of ['', 'null', '[]', '{"spec":null}', '{"spec":{"hashedRekordV002":[]}}', body]) {
      assert.deepEqual(keysOfBody(Buffer.from(text), sha256), [], text);
    }
    fc.assert(fc.property(fc.uint8Array(), (bytes) => keysOfBody(bytes, sha256).length === 0));
    fc.assert(
      fc.property(fc.jsonValue(), (value) => keysOfBody(Buffer.from(JSON.stringify(value)), sha256).length === 0),
    );
  });
});

suite('a query string', () => {
  test('is understood or refused with a text, whatever it is', () => {
    const names = fc.constantFrom('hash', 'identity', 'issuer', 'publicKey', 'certificate', 'from', 'limit', 'x');
    const pairs = fc.array(fc.tuple(names, fc.string({ unit: 'binary' })), { maxLength: 10 });
    const queries = fc.oneof(
      fc.string({ unit: 'binary' }),
      pairs.map((list) => new URLSearchParams(list).toString()),
    );
    fc.assert(
      fc.property(queries, (query) => {
        try {
          const { terms, from, limit } = parseSearchQuery(query, sha256);
          assert.ok(terms.length > 0 && terms.length <= 8 && Number.isSafeInteger(from) && limit >= 1 && limit <= 100);
        } catch (error) {
          assert.ok(error instanceof LogError && error.code === 'invalid_request', String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('names in a certificate are found by the text that stands there', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(text, (name) => {
        const [held] = namesOf(parseCertificate(signerCertificate(san(email(name))).der));
        const { terms } = parseSearchQuery(new URLSearchParams({ identity: name }).toString(), sha256);
        const [term] = terms;
        assert.ok(held !== undefined && term?.kind === 'identity');
        assert.deepEqual(searchKey(term, sha256), searchKey({ kind: 'identity', value: held }, sha256));
      }),
      { numRuns: 50 },
    );
  });
});
