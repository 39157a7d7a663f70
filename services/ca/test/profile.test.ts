import 'reflect-metadata';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as x509 from '@peculiar/x509';
import { encodePem } from '@sigstead/formats';
import { signerFromPem } from '@sigstead/keys';
import { chainIn, type Harness, startHarness } from './support/harness.ts';
import { chainDer, keyPem } from './support/recorded.ts';
import { csrBody, v2, v2As } from './support/requests.ts';
import { NOW_MS } from './support/tokens.ts';

/* Other implementations read what our encoder wrote. */

let base: Harness;
before(async () => {
  base = await startHarness();
});
after(() => base.close());

const CAS = ['ca-int', 'ca2-p384', 'ca2-p521', 'ca2-rsa', 'ca2-ed'];

async function chainOf(caKey: string, request = v2()): Promise<Uint8Array[]> {
  const chain = chainDer(`${caKey === 'ca-int' ? 'ca' : caKey}-chain`);
  const shared = { connectionString: base.connectionString, issuers: base.issuers };
  const harness = await startHarness({ signer: signerFromPem(keyPem(caKey)), chain }, shared);
  try {
    return chainIn(await harness.send(request));
  } finally {
    await harness.close();
  }
}

for (const ca of CAS) {
  test(`${ca}: node:crypto and @peculiar/x509 read the same leaf and verify the chain`, async () => {
    const [leaf, issuer, root] = await chainOf(ca);
    assert.ok(leaf && issuer && root);
    const node = new X509Certificate(leaf);
    assert.equal(node.verify(new X509Certificate(issuer).publicKey), true);
    assert.equal(node.checkIssued(new X509Certificate(issuer)), true);
    assert.equal(node.ca, false);
    assert.equal(node.subjectAltName, 'email:dev@example.com');
    assert.deepEqual(node.keyUsage, ['1.3.6.1.5.5.7.3.3']);
    checkPeculiar(leaf);
  });

  const skip = hasOpenSsl() ? false : 'openssl is not on this machine';
  test(`${ca}: openssl verifies the chain strictly and reads the same profile`, { skip }, async () => {
    checkOpenSsl(await chainOf(ca));
  });
}

function checkPeculiar(leaf: Uint8Array): void {
  const certificate = new x509.X509Certificate(Buffer.from(leaf));
  assert.equal(certificate.subject, '');
  assert.equal(certificate.notAfter.getTime() - certificate.notBefore.getTime(), 600_000);
  assert.equal(certificate.getExtension(x509.KeyUsagesExtension)?.usages, x509.KeyUsageFlags.digitalSignature);
  const usages = certificate.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? [];
  assert.deepEqual([...usages].map(String), ['1.3.6.1.5.5.7.3.3']);
  assert.equal(certificate.getExtension(x509.BasicConstraintsExtension), null);
  const names = certificate.getExtension(x509.SubjectAlternativeNameExtension);
  assert.equal(names?.critical, true);
  assert.deepEqual(names.names.toJSON(), [{ type: 'email', value: 'dev@example.com' }]);
  assert.equal(certificate.extensions.at(-1)?.type, '1.3.6.1.4.1.11129.2.4.2');
  assert.deepEqual(Buffer.from(certificate.rawData), Buffer.from(leaf));
}

function hasOpenSsl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

function checkOpenSsl(chain: readonly Uint8Array[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'ca-profile-'));
  try {
    const [leaf = '', issuer = '', root = ''] = chain.map((der, i) => {
      const file = join(folder, `${i}.pem`);
      writeFileSync(file, encodePem('CERTIFICATE', der));
      return file;
    });
    const at = String(NOW_MS / 1000 + 60);
    const verify = [
      'verify',
      '-x509_strict',
      '-ignore_critical',
      '-attime',
      at,
      '-CAfile',
      root,
      '-untrusted',
      issuer,
      leaf,
    ];
    assert.match(execFileSync('openssl', verify, { stdio: 'pipe' }).toString(), /: OK/);
    const text = execFileSync('openssl', ['x509', '-in', leaf, '-noout', '-text'], { stdio: 'pipe' }).toString();
    assert.match(text, /Version: 3 \(0x2\)/);
    assert.match(text, /X509v3 Key Usage: critical\s+Digital Signature\n/);
    assert.match(text, /X509v3 Extended Key Usage:\s+Code Signing\n/);
    assert.match(text, /X509v3 Subject Alternative Name: critical\s+email:dev@example\.com\n/);
    assert.match(text, /CT Precertificate SCTs/);
    assert.doesNotMatch(text, /Basic Constraints/);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a leaf with all twenty mapped extensions is read by others too', async () => {
  const claims = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`c${i}`, `value ${i} ü`]));
  const request = v2As('http://localhost:28080/ci/all', { sub: 'https://ci.example.com/all', ...claims });
  const [leaf] = await chainOf('ca-int', request);
  assert.ok(leaf);
  const certificate = new x509.X509Certificate(Buffer.from(leaf));
  const own = certificate.extensions.filter(({ type }) => type.startsWith('1.3.6.1.4.1.57264.1.'));
  assert.equal(own.length, 23);
  assert.ok(own.every(({ critical }) => !critical));
  assert.equal(new X509Certificate(leaf).subjectAltName, 'URI:https://ci.example.com/all');
});

test('7 CSRs that @peculiar/x509 makes are understood, and only their key gets in', async () => {
  const algorithms = [
    { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
    { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
    { name: 'Ed25519' },
  ];
  for (const algorithm of algorithms) {
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const request = await x509.Pkcs10CertificateRequestGenerator.create({
      name: algorithm.name === 'Ed25519' ? '' : 'CN=Ünï, O=Someone Else',
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true, 3, true),
        new x509.SubjectAlternativeNameExtension([{ type: 'email', value: 'admin@example.com' }]),
      ],
    });
    const answer = await base.send({ path: '/api/v2/signingCert', body: csrBody(request.toString('pem')) });
    assert.equal(answer.status, 200, answer.body.toString());
    const [leaf] = chainIn(answer);
    const certificate = new X509Certificate(leaf ?? '');
    assert.equal(certificate.subjectAltName, 'email:dev@example.com');
    assert.equal(certificate.ca, false);
    assert.deepEqual(
      certificate.publicKey.export({ type: 'spki', format: 'der' }),
      Buffer.from(request.publicKey.rawData),
    );
  }
});
