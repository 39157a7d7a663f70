import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { after, before, test } from 'node:test';
import {
  basicConstraints,
  decodeSctList,
  findExtension,
  isIssuedBy,
  Oid,
  parseCertificate,
  publicKeyFromSpki,
  readDer,
  sctSignatureInput,
  subjectAltNames,
  tbsWithoutExtension,
  verifyCtSignature,
} from '@sigstead/formats';
import { chainIn, type Harness, startHarness } from './support/harness.ts';
import { keyPem } from './support/recorded.ts';
import { clientKey, csrBody, EMAIL, SIGNATURE_ERROR, v2, v2As } from './support/requests.ts';
import { issuerToken } from './support/tokens.ts';
import { ARC, expectations, extensionText, recordedBody, sanText } from './support/expect.ts';

/* Acceptance checks of keys and certificates, numbered as in the reference page on the authority, §7. */

let at: Harness;
before(async () => {
  at = await startHarness();
});
after(() => at.close());
const { issued, refused } = expectations(() => at);

const GITHUB = 'http://localhost:28080/ci/github';
const GITHUB_CLAIMS = {
  sub: 'repo:o/r:ref:refs/heads/main',
  event_name: 'push',
  sha: 'b'.repeat(40),
  workflow: 'build & <test>',
  repository: 'o/r',
  ref: 'refs/heads/main',
  job_workflow_ref: 'o/r/.github/workflows/w.yml@refs/heads/main',
  job_workflow_sha: 'c'.repeat(40),
  runner_environment: 'github-hosted',
  repository_id: '7',
  repository_owner: 'o',
  repository_owner_id: '8',
  workflow_ref: 'o/r/.github/workflows/w.yml@refs/heads/main',
  workflow_sha: 'd'.repeat(40),
  run_id: '99',
  run_attempt: '1',
  repository_visibility: 'private',
};

test('44 a GitHub token: SAN and extensions as the table has them', async () => {
  const leaf = await issued(v2As(GITHUB, GITHUB_CLAIMS));
  assert.equal(sanText(leaf), `https://github.com/${GITHUB_CLAIMS.job_workflow_ref}`);
  assert.equal(extensionText(leaf, 2), 'push');
  assert.equal(extensionText(leaf, 12), 'https://github.com/o/r');
  assert.equal(extensionText(leaf, 21), 'https://github.com/o/r/actions/runs/99/attempts/1');
  assert.equal(extensionText(leaf, 23), undefined);
  assert.equal(extensionText(await issued(v2As(GITHUB, { ...GITHUB_CLAIMS, environment: 'prod' })), 23), 'prod');
});

test('45 a number never becomes an exponent', async () => {
  const leaf = await issued(v2As(GITHUB, { ...GITHUB_CLAIMS, run_id: 12345678901 }));
  assert.equal(extensionText(leaf, 21), 'https://github.com/o/r/actions/runs/12345678901/attempts/1');
});

test('46 a claim that a mapping names is missing', async () => {
  const { workflow_sha: _left, ...claims } = GITHUB_CLAIMS;
  await refused(
    v2As(GITHUB, claims),
    /^value <workflow_sha> not present in either claims or defaults\. \{\n\t"ExtensionName": "BuildConfigDigest"/,
  );
});

test('47, 48 GitLab refs, CircleCI without ssh-rerun', async () => {
  const gitlab = {
    sub: 's',
    ci_config_ref_uri: 'gitlab.com/g/p//x.yml@refs/heads/main',
    ci_config_sha: 'e',
    runner_environment: 'r',
    project_path: 'g/p',
    sha: 'd',
    ref: 'main',
    project_id: '1',
    namespace_path: 'g',
    namespace_id: '2',
    pipeline_source: 'push',
    job_id: '3',
    project_visibility: 'private',
  };
  for (const [type, ref] of [
    ['branch', 'refs/heads/main'],
    ['tag', 'refs/tags/main'],
  ]) {
    const leaf = await issued(v2As('http://localhost:28080/ci/gitlab', { ...gitlab, ref_type: type }));
    assert.equal(extensionText(leaf, 14), ref);
  }
  const circle = await issued(v2As('http://localhost:28080/ci/circleci', { sub: 'c' }));
  assert.equal(extensionText(circle, 11), '""');
});

test('49, 50 values stand as they are; only the SAN is escaped', async () => {
  const ref = 'o/r/.github/workflows/w.yml@refs/heads/x yü';
  const leaf = await issued(v2As(GITHUB, { ...GITHUB_CLAIMS, job_workflow_ref: ref }));
  assert.equal(extensionText(leaf, 4), 'build & <test>');
  assert.equal(extensionText(leaf, 9), `https://github.com/${ref}`);
  assert.equal(sanText(leaf), 'https://github.com/o/r/.github/workflows/w.yml@refs/heads/x%20y%C3%BC');
});

test('51 a proof over sub does not do for an email issuer', () =>
  refused(v2({ proofOver: 'user-1' }), SIGNATURE_ERROR));

test('52 P-384 goes with SHA-384', async () => {
  await issued(v2({ key: clientKey('c-p384'), hash: 'sha384' }));
  await refused(v2({ key: clientKey('c-p384'), hash: 'sha256' }), SIGNATURE_ERROR);
});

test('53 Ed25519 pure, never prehashed', async () => {
  const key = clientKey('c-ed25519');
  await issued(v2({ key, hash: null }));
  const prehashed = sign(null, createHash('sha512').update(EMAIL).digest(), key);
  await refused(v2({ key, proof: prehashed }), SIGNATURE_ERROR);
});

test('54 ECDSA proof as r and s', async () => {
  const key = clientKey();
  await issued(v2({ proof: sign('sha256', Buffer.from(EMAIL), { key, dsaEncoding: 'ieee-p1363' }) }));
});

test('55 weak and odd keys', async () => {
  for (const name of [
    'c-rsa1024',
    'c-rsa2048e3',
    'c-rsa2056',
    'c-p224',
    'c-rsa8192',
    'c-k256',
    'c-ed448',
    'c-rsapss',
  ]) {
    await refused(v2({ key: clientKey(name), proof: Buffer.from('x') }), /is insecure$|could not be parsed$/);
  }
  const der = createPublicKey(clientKey()).export({ type: 'spki', format: 'der' });
  der[40] = (der[40] ?? 0) ^ 1;
  const offCurve = `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`;
  await refused(v2({ content: offCurve }), 'The public key supplied in the request could not be parsed');
});

test('56, 57, 58 CSRs: pair not permitted, unknown algorithm, broken signature, garbage', async () => {
  const body = (name: string) => ({ path: '/api/v2/signingCert', body: recordedBody(name) });
  await refused(body('v2 csr P-256 SHA-384'), 'signing algorithm not permitted: *ecdsa.PublicKey, SHA-384');
  await refused(body('v2 csr RSA-PSS'), 'unrecognized signature algorithm: SHA256-RSAPSS');
  await refused(body('v2 csr content changed after signing'), SIGNATURE_ERROR);
  await refused(
    { path: '/api/v2/signingCert', body: csrBody('garbage') },
    'The certificate signing request could not be parsed',
  );
});

test('59 the profile of a leaf', async () => {
  const leaf = await issued(v2());
  assert.equal(leaf.version, 3);
  assert.equal(leaf.subject.length, 2);
  assert.equal(subjectAltNames(leaf)?.critical, true);
  assert.equal(Buffer.from(findExtension(leaf, Oid.keyUsage)?.value ?? []).toString('hex'), '03020780');
  assert.equal(findExtension(leaf, Oid.keyUsage)?.critical, true);
  assert.equal(basicConstraints(leaf), undefined);
  assert.ok(findExtension(leaf, Oid.subjectKeyIdentifier) && findExtension(leaf, Oid.authorityKeyIdentifier));
  assert.equal(leaf.notAfterMs - leaf.notBeforeMs, 600_000);
  assert.ok(leaf.serial.length <= 20 && (leaf.serial[0] ?? 0x80) < 0x80);
});

test('60 issuer extensions, old and new form, to the byte', async () => {
  const claims = {
    email: EMAIL,
    email_verified: true,
    federated_claims: { connector_id: 'https://accounts.google.com' },
  };
  const leaf = await issued(v2({ token: issuerToken('http://localhost:28080/email-dex', claims) }));
  assert.equal(Buffer.from(findExtension(leaf, `${ARC}1`)?.value ?? []).toString(), 'https://accounts.google.com');
  const golden = '0c1b68747470733a2f2f6163636f756e74732e676f6f676c652e636f6d';
  assert.equal(Buffer.from(findExtension(leaf, `${ARC}8`)?.value ?? []).toString('hex'), golden);
});

test('61, 62 one SCT over exactly this certificate; the precertificate with that serial is in the log (I5)', async () => {
  const answer = await at.send(v2());
  const [leaf, issuer] = chainIn(answer).map((der) => parseCertificate(der));
  assert.ok(leaf && issuer && isIssuedBy(leaf, issuer));
  const list = readDer(findExtension(leaf, Oid.ctSctList)?.value ?? new Uint8Array()).octetString();
  const [sct, ...more] = decodeSctList(list);
  assert.ok(sct && more.length === 0);
  const tbs = tbsWithoutExtension(leaf, Oid.ctSctList);
  const issuerKeyHash = createHash('sha256').update(issuer.spki).digest();
  const input = sctSignatureInput({ ...sct, entry: { type: 'precert', issuerKeyHash, tbs } });
  assert.ok(verifyCtSignature(publicKeyFromSpki(at.ct.publicKeySpki), input, sct.signature));
  assert.ok(sct.timestampMs >= leaf.notBeforeMs && sct.timestampMs <= leaf.notAfterMs);
  const logged = at.ct.entries
    .map((der) => parseCertificate(der))
    .find((each) => Buffer.compare(each.serial, leaf.serial) === 0);
  assert.ok(logged);
  assert.deepEqual(Buffer.from(tbsWithoutExtension(logged, Oid.ctPoison)), Buffer.from(tbs));
});

test('a key that was made just now works as well as the recorded ones', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-521' });
  await issued(v2({ key: privateKey, hash: 'sha512' }));
  assert.ok(keyPem('ct').startsWith('-----BEGIN'));
});
