import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Oid, parseCertificate } from '@sigstead/formats';
import { acceptChain } from '../src/core/ct/chain.ts';
import { ctEntry } from '../src/core/ct/entry.ts';
import { IssuerLinks } from '../src/core/ct/issuer-links.ts';
import { readRoots } from '../src/core/ct/roots.ts';
import { type AdmissionRules, checkRules, EXT_KEY_USAGES, PRECERT_SIGNING } from '../src/core/ct/rules.ts';
import { nextHeadTime } from '../src/core/time.ts';
import { authorityKey, certificate, isCa, POISON, type TestCertificate, usages } from './support/certificates.ts';
import { sha256 } from './support/test-log.ts';

const NOW = Date.UTC(2026, 0, 1);
const { CodeSigning, ServerAuth, TimeStamping } = EXT_KEY_USAGES;
const ANY = '2.5.29.37.0';
const root = certificate({ subject: 'root', extensions: [isCa()] });
const roots = readRoots([root.der], sha256);
const issuing = certificate({ subject: 'issuing', issuer: root, extensions: [isCa(0)] });

function accepted(type: 'x509' | 'precert', ...chain: TestCertificate[]) {
  return acceptChain(
    chain.map(({ der }) => der),
    roots,
    type,
    new IssuerLinks(sha256),
  );
}

/** Why a chain is not taken; undefined when it is. */
function refusal(chain: TestCertificate[], rules: AdmissionRules, nowMs = NOW): string | undefined {
  try {
    checkRules(accepted('precert', ...chain), rules, nowMs);
    return undefined;
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'entry_refused');
    return (error as Error).message;
  }
}

test('the window of notAfter takes its start, and everything before its limit', () => {
  const [start, limit] = [Date.UTC(2026, 6, 1), Date.UTC(2027, 0, 1)];
  const rules = { notAfterStartMs: start, notAfterLimitMs: limit };
  const leaf = (notAfterMs: number): TestCertificate[] => [
    certificate({ subject: 'leaf', issuer: issuing, extensions: [POISON], notAfterMs }),
    issuing,
  ];
  assert.equal(refusal(leaf(start), rules), undefined);
  assert.equal(refusal(leaf(limit - 1000), rules), undefined);
  assert.match(refusal(leaf(start - 1000), rules) ?? '', /NotAfter \(2026-06-30T23:59:59.000Z\) < 2026-07-01/);
  assert.match(refusal(leaf(limit), rules) ?? '', /NotAfter \(2027-01-01T00:00:00.000Z\) >= 2027-01-01/);
  assert.equal(refusal(leaf(limit), { notAfterStartMs: start }), undefined);
  assert.equal(refusal(leaf(start - 1000), { notAfterLimitMs: limit }), undefined);
});

test('expired or not is asked of the end entity alone, whose last second still counts', () => {
  const chain = [certificate({ subject: 'leaf', issuer: issuing, extensions: [POISON], notAfterMs: NOW }), issuing];
  assert.equal(refusal(chain, { rejectExpired: true }, NOW + 999), undefined);
  assert.match(refusal(chain, { rejectExpired: true }, NOW + 1000) ?? '', /rejecting expired certificate/);
  assert.match(refusal(chain, { rejectUnexpired: true }, NOW + 999) ?? '', /rejecting unexpired certificate/);
  assert.equal(refusal(chain, { rejectUnexpired: true }, NOW + 1000), undefined);
  assert.equal(refusal(chain, {}, NOW * 2), undefined);
});

test('a wanted purpose must be open to every certificate of the chain', () => {
  const chainOf = (leaf: string[] | undefined, ca: string[] | undefined): TestCertificate[] => {
    const purposes = (oids: string[] | undefined) => (oids === undefined ? [] : [usages(...oids)]);
    const between = certificate({ subject: 'between', issuer: root, extensions: [isCa(0), ...purposes(ca)] });
    return [certificate({ subject: 'leaf', issuer: between, extensions: [...purposes(leaf), POISON] }), between];
  };
  const rules = { extKeyUsages: [CodeSigning] };
  const good: [string[] | undefined, string[] | undefined][] = [
    [[CodeSigning], [CodeSigning]],
    [[CodeSigning], undefined],
    [undefined, [CodeSigning]],
    [undefined, undefined],
    [[ANY], [ServerAuth, CodeSigning]],
    [[ServerAuth, CodeSigning], [ANY]],
  ];
  for (const [leaf, ca] of good)
    assert.equal(refusal(chainOf(leaf, ca), rules), undefined, `${String(leaf)} ${String(ca)}`);
  const bad: [string[] | undefined, string[] | undefined][] = [
    [[ServerAuth], [CodeSigning]],
    [[CodeSigning], [ServerAuth]],
    [undefined, [TimeStamping]],
    [['1.2.3.4'], undefined],
    [[], undefined],
  ];
  for (const [leaf, ca] of bad) {
    assert.match(refusal(chainOf(leaf, ca), rules) ?? '', /incompatible key usage/, `${String(leaf)} ${String(ca)}`);
  }
  // One purpose for the whole chain, not one for each certificate.
  const both = { extKeyUsages: [CodeSigning, ServerAuth] };
  assert.match(refusal(chainOf([CodeSigning], [ServerAuth]), both) ?? '', /incompatible key usage/);
  assert.equal(refusal(chainOf([ServerAuth], [ServerAuth]), both), undefined);
  assert.equal(refusal(chainOf([ServerAuth], [TimeStamping]), {}), undefined);
});

/** SPEC: RFC 6962 §3.1, §3.2 */
test('a precertificate of a signing certificate is logged as the final CA will sign it', () => {
  const entity = certificate({ subject: 'entity', extensions: [POISON] });
  const plain = { oid: '1.2.3.4', value: Buffer.from('text') };
  const finalKey = authorityKey(Buffer.alloc(20, 7));
  const ca = certificate({ subject: 'ca', issuer: root, extensions: [isCa(0)] });
  const signing = (...extensions: Parameters<typeof certificate>[0]['extensions']): TestCertificate =>
    certificate({ subject: 'signing', issuer: ca, extensions: [isCa(0), usages(PRECERT_SIGNING), ...extensions] });
  const precert = (by: TestCertificate, ...extensions: Parameters<typeof certificate>[0]['extensions']) =>
    certificate({ subject: 'leaf', issuer: by, extensions: [plain, ...extensions, POISON], key: entity, serial: 5 });
  const final = (...extensions: Parameters<typeof certificate>[0]['extensions']) =>
    parseCertificate(
      certificate({ subject: 'leaf', issuer: ca, extensions: [plain, ...extensions], key: entity, serial: 5 }).der,
    );

  const logged = (by: TestCertificate, leaf: TestCertificate) => {
    const entry = ctEntry(accepted('precert', leaf, by, ca, root), 'precert', sha256);
    assert.ok(entry.type === 'precert');
    assert.deepEqual(Buffer.from(entry.issuerKeyHash), Buffer.from(sha256(ca.spki)));
    return Buffer.from(entry.tbs);
  };
  const withKey = signing(finalKey);
  const before = precert(withKey, authorityKey(Buffer.alloc(20, 1)));
  assert.deepEqual(logged(withKey, before), Buffer.from(final(finalKey).tbs));
  assert.deepEqual(logged(withKey, precert(withKey)), Buffer.from(final().tbs));
  const withoutKey = signing();
  assert.throws(() => logged(withoutKey, precert(withoutKey, authorityKey(Buffer.alloc(20, 1)))), {
    code: 'entry_refused',
  });
  // The CA above allows for no further one, but this is none: the final certificate is issued without it.
  assert.equal(parseCertificate(ca.der).extensions.length, 1);
  const noCa = certificate({ subject: 'signing', issuer: ca, extensions: [usages(PRECERT_SIGNING)] });
  assert.throws(() => logged(noCa, precert(noCa)), { code: 'entry_refused' });
  const signingRoot = certificate({ subject: 'self', extensions: [isCa(), usages(PRECERT_SIGNING)] });
  assert.throws(
    () =>
      acceptChain([precert(signingRoot).der], readRoots([signingRoot.der], sha256), 'precert', new IssuerLinks(sha256)),
    { code: 'entry_refused' },
  );
  // Its own purpose says nothing about that of the final certificate.
  const rules = { extKeyUsages: [CodeSigning] };
  const leaf = certificate({ subject: 'leaf', issuer: withKey, extensions: [usages(CodeSigning), POISON] });
  checkRules(accepted('precert', leaf, withKey, ca), rules, NOW);
  // As an issuer of certificates it is a CA like another, and its path length counts.
  const issued = certificate({ subject: 'x', issuer: withKey, extensions: [plain] });
  assert.throws(() => accepted('x509', issued, withKey, ca), { code: 'entry_refused' });
  assert.equal(Oid.ctPoison, POISON.oid);
});

test('a head is later than the last, by 1 ms if it must, and never more than a second ahead of the clock', () => {
  const strict = (nowMs: number, lastMs: number): number => nextHeadTime({ nowMs, lastMs, strict: true });
  assert.equal(strict(5000, 4000), 5000);
  assert.equal(strict(5000, 4999), 5000);
  assert.equal(strict(5000, 5000), 5001);
  assert.equal(strict(5000, 5999), 6000);
  assert.equal(strict(5000, 6000), 6001);
  assert.throws(() => strict(5000, 6001), { code: 'unavailable' });
  assert.equal(nextHeadTime({ nowMs: 5000, lastMs: 60_000, strict: false }), 60_000);
});
