import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { contextConstructed, DerWriter, encodeOidContent, Oid, publicKeyFromSpki, Tag } from '@sigstead/formats';
import { signerFromPem } from '@sigstead/keys';
import fc from 'fast-check';
import { CaError } from '../src/core/errors.ts';
import { issuingCa } from '../src/core/issuance/issuing-ca.ts';
import { LINT_RULES, type LintExpectation } from '../src/core/issuance/lint-rules.ts';
import { lint, SigningPermit } from '../src/core/issuance/permit.ts';
import { type RecordedPermit, recordPermit, signRecorded } from '../src/core/issuance/sign.ts';
import { leafTbs } from '../src/core/issuance/tbs.ts';
import { type LeafTemplate, leafTemplate } from '../src/core/issuance/template.ts';
import type { CertificateIdentity } from '../src/core/identity/principal.ts';
import { chainDer, keyPem } from './support/recorded.ts';
import { NOW_MS } from './support/tokens.ts';

const ca = issuingCa(signerFromPem(keyPem('ca-int')), chainDer('ca-chain'), NOW_MS);
const spkiOf = (name: string): Buffer =>
  createPublicKey(createPrivateKey(keyPem(name))).export({ type: 'spki', format: 'der' });
const key = publicKeyFromSpki(spkiOf('c-p256'));
const IDENTITY: CertificateIdentity = {
  name: { kind: 'email', value: 'dev@example.com' },
  extensions: [
    { n: 1, value: 'https://issuer.example.com' },
    { n: 8, value: 'https://issuer.example.com' },
    { n: 24, value: 'user-1' },
  ],
};

const template = (changes: Partial<LeafTemplate> = {}): LeafTemplate => ({
  ...leafTemplate({ ca, key, identity: IDENTITY, nowMs: NOW_MS, random: (count) => randomBytes(count) }),
  ...changes,
});

function broken(tbs: Uint8Array, expected: LintExpectation): string {
  try {
    lint(tbs, expected);
  } catch (error) {
    assert.ok(error instanceof CaError && error.code === 'lint_failed');
    return /rule (\w+)/.exec(error.detail ?? '')?.[1] ?? 'none';
  }
  return 'permitted';
}

test('what the encoder writes is permitted, in all three forms', () => {
  const good = template();
  const forms = leafTbs(good);
  const sctList = Buffer.from('0001ff', 'hex');
  assert.equal(lint(forms.precertificate(), { template: good, last: 'poison' }).kind, 'precertificate');
  assert.equal(lint(forms.final(sctList), { template: good, last: { sctList } }).kind, 'certificate');
  assert.equal(lint(forms.plain(), { template: good, last: 'none' }).kind, 'certificate');
});

/** Encodes one thing, expects another: the rule that must notice. */
const DIFFERENT: [string, Partial<LeafTemplate>][] = [
  ['serial_positive_20_octets', { serial: Buffer.alloc(20, 0x7f) }],
  ['serial_positive_20_octets', { serial: Buffer.alloc(20, 0xff) }],
  ['serial_positive_20_octets', { serial: Buffer.alloc(20) }],
  ['validity_times', { notBeforeMs: NOW_MS - 60_000 }],
  ['validity_times', { notAfterMs: NOW_MS + 601_000 }],
  ['key_is_proven_key', { spki: spkiOf('c-p256b') }],
  [
    'subject_name_is_verified_identity',
    { identity: { ...IDENTITY, name: { kind: 'email', value: 'eve@example.com' } } },
  ],
  ['subject_name_is_verified_identity', { identity: { ...IDENTITY, name: { kind: 'uri', value: 'dev@example.com' } } }],
  [
    'subject_name_is_verified_identity',
    { identity: { ...IDENTITY, name: { kind: 'username', value: 'dev@example.com' } } },
  ],
  [
    'provenance_is_verified_identity',
    { identity: { ...IDENTITY, extensions: IDENTITY.extensions.map(({ n }) => ({ n, value: 'https://evil' })) } },
  ],
  ['extensions_in_order', { identity: { ...IDENTITY, extensions: IDENTITY.extensions.slice(1) } }],
  ['extensions_in_order', { identity: { ...IDENTITY, extensions: IDENTITY.extensions.toReversed() } }],
  ['signature_algorithm_of_ca', { ca: { ...ca, signatureAlgorithm: Buffer.from('300506032b6570', 'hex') } }],
  ['issuer_is_subject_of_ca', { ca: { ...ca, name: Buffer.from('3000', 'hex') } }],
  ['authority_key_id', { ca: { ...ca, subjectKeyId: Buffer.alloc(20) } }],
];

for (const [index, [rule, change]] of DIFFERENT.entries()) {
  test(`I7 a certificate that says something else is not permitted (${index + 1}): ${rule} ${Object.keys(change).join()}`, () => {
    const expected = template();
    const tbs = leafTbs({ ...expected, ...change }).precertificate();
    assert.equal(broken(tbs, { template: expected, last: 'poison' }), rule);
  });
}

test('the last extension must be the one that is due', () => {
  const good = template();
  const forms = leafTbs(good);
  const sctList = Buffer.from('0001ff', 'hex');
  const other = Buffer.from('0001fe', 'hex');
  assert.equal(broken(forms.plain(), { template: good, last: 'poison' }), 'extensions_in_order');
  assert.equal(broken(forms.precertificate(), { template: good, last: 'none' }), 'extensions_in_order');
  assert.equal(broken(forms.final(other), { template: good, last: { sctList } }), 'last_extension');
});

test('a leaf never outlives its issuer', () => {
  const shortLived = { ...ca, notAfterMs: NOW_MS + 60_000 };
  const made = leafTemplate({
    ca: shortLived,
    key,
    identity: IDENTITY,
    nowMs: NOW_MS,
    random: (count) => randomBytes(count),
  });
  assert.equal(made.notAfterMs, NOW_MS + 60_000);
  const tooLong = { ...made, ca: shortLived, notAfterMs: NOW_MS + 600_000 };
  assert.equal(broken(leafTbs(tooLong).precertificate(), { template: tooLong, last: 'poison' }), 'not_beyond_issuer');
});

/** A leaf with one extension replaced, by hand. */
function withExtension(oid: string, value: Uint8Array): Uint8Array {
  const good = leafTbs(template({ serial: Buffer.alloc(20, 1) })).precertificate();
  const needle = Buffer.concat([Buffer.of(Tag.oid), Buffer.of(encodeOidContent(oid).length), encodeOidContent(oid)]);
  const bytes = Buffer.from(good);
  const at = bytes.indexOf(needle) + needle.length;
  const valueAt = bytes.indexOf(Tag.octetString, at) + 2;
  value.forEach((byte, i) => {
    bytes[valueAt + i] = byte;
  });
  return bytes;
}

test('key usage, extended key usage and subject key identifier have one value each', () => {
  const expected: LintExpectation = { template: template({ serial: Buffer.alloc(20, 1) }), last: 'poison' };
  const wrong: [string, string, string][] = [
    [Oid.keyUsage, '03020204', 'key_usage_digital_signature'],
    [Oid.keyUsage, '030206c0', 'key_usage_digital_signature'],
    [Oid.extKeyUsage, '300a06082b06010505070301', 'ext_key_usage_code_signing'],
    [Oid.subjectKeyIdentifier, `0414${'00'.repeat(20)}`, 'subject_key_id'],
    [Oid.ctPoison, '0101', 'last_extension'],
  ];
  for (const [oid, hex, rule] of wrong)
    assert.equal(broken(withExtension(oid, Buffer.from(hex, 'hex')), expected), rule);
});

test('version and subject are looked at', () => {
  const good = template();
  const tbs = Buffer.from(leafTbs(good).precertificate());
  const version = Buffer.from(tbs);
  version[version.indexOf(Buffer.from('a003020102', 'hex')) + 4] = 1;
  assert.equal(broken(version, { template: good, last: 'poison' }), 'version_3');
  const writer = new DerWriter();
  writer.wrap(contextConstructed(3), writer.mark());
  assert.equal(broken(writer.finish(), { template: good, last: 'poison' }), 'readable');
});

test('every rule cites its clause and is named once', () => {
  assert.equal(new Set(LINT_RULES.map(({ id }) => id)).size, LINT_RULES.length);
  for (const { clause } of LINT_RULES) assert.match(clause, /RFC|Fulcio/);
});

test('any single changed byte of a to-be-signed certificate takes the permit away', () => {
  const good = template();
  const tbs = leafTbs(good).precertificate();
  fc.assert(
    fc.property(fc.nat(tbs.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const bytes = Buffer.from(tbs);
      bytes[at] = (bytes[at] ?? 0) ^ change;
      assert.notEqual(broken(bytes, { template: good, last: 'poison' }), 'permitted');
    }),
    { numRuns: 2000 },
  );
});

test('a permit cannot be made, nor a record of one pretended', async () => {
  const what = { kind: 'certificate' as const, serial: Buffer.alloc(1), tbs: Buffer.alloc(1) };
  assert.throws(() => new SigningPermit(Symbol('permit'), what), CaError);
  const good = template();
  const permit = lint(leafTbs(good).plain(), { template: good, last: 'none' });
  const pretended: RecordedPermit = { permit };
  await assert.rejects(signRecorded(pretended, ca), CaError);
  const store = { append: () => Promise.resolve() };
  const recorded = await recordPermit(permit, { store, ca, tokenSha256: Buffer.alloc(32) });
  assert.ok((await signRecorded(recorded, ca)).length > 0);
});

test('changing bytes after lint changes nothing that is signed', async () => {
  const good = template();
  const tbs = leafTbs(good).plain();
  const permit = lint(tbs, { template: good, last: 'none' });
  tbs.fill(0);
  permit.tbs().fill(0);
  assert.equal(permit.tbs()[0], Tag.sequence);
});
