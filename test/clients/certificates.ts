// @peculiar/x509 needs it at import.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { createHash, createPublicKey, X509Certificate as NodeCertificate } from 'node:crypto';
import { X509Certificate as PeculiarCertificate } from '@peculiar/x509';
import { ByteStream, EXTENSION_OID_SCT, X509Certificate, X509SCTExtension } from '@sigstore/core';
import { type BundleJson, leafOf } from './bundle.ts';
import { fetchTarget, type JsTrust } from './sigstore-js.ts';

/** DER chains, issuer of the leaf first, root last. */
export interface Authorities {
  readonly issuing: readonly Buffer[];
  /** The timestamping certificate first. */
  readonly timestamping: readonly Buffer[];
  readonly ctLogs: readonly { readonly spki: Buffer; readonly logId: Buffer }[];
}

interface TrustedRootJson {
  certificateAuthorities: { certChain: { certificates: { rawBytes: string }[] } }[];
  timestampAuthorities: { certChain: { certificates: { rawBytes: string }[] } }[];
  ctlogs: { publicKey: { rawBytes: string }; logId: { keyId: string } }[];
}

/** What the TUF repository of an instance says, one authority of each kind. */
export async function fetchAuthorities(trust: JsTrust): Promise<Authorities> {
  const root = JSON.parse(await fetchTarget(trust, 'trusted_root.json')) as TrustedRootJson;
  const chainOf = (authorities: TrustedRootJson['certificateAuthorities']): Buffer[] => {
    assert.equal(authorities.length, 1);
    const certificates = authorities[0]?.certChain.certificates ?? [];
    assert.ok(certificates.length > 1);
    return certificates.map(({ rawBytes }) => Buffer.from(rawBytes, 'base64'));
  };
  return {
    issuing: chainOf(root.certificateAuthorities),
    timestamping: chainOf(root.timestampAuthorities),
    ctLogs: root.ctlogs.map(({ publicKey, logId }) => ({
      spki: Buffer.from(publicKey.rawBytes, 'base64'),
      logId: Buffer.from(logId.keyId, 'base64'),
    })),
  };
}

/** Every bundle that the suites make comes through here: its certificate is read and verified by others than its maker. */
export async function checkEveryCertificate(bundle: BundleJson, authorities: Authorities): Promise<void> {
  const leaf = leafOf(bundle);
  await checkChain([leaf, ...authorities.issuing]);
  checkScts(leaf, authorities);
}

/** Each certificate parses in @peculiar/x509 and is signed by the next; the last one signs itself. */
export async function checkChain(chain: readonly Buffer[]): Promise<void> {
  const parsed = chain.map((der) => new PeculiarCertificate(der));
  // A moment in the life of the first: all the others must be valid then, too.
  const date = new Date((parsed[0]?.notBefore.getTime() ?? 0) + 1_000);
  for (const [index, certificate] of parsed.entries()) {
    const issuer = parsed[index + 1] ?? certificate;
    assert.equal(certificate.issuer, issuer.subject);
    const good = await certificate.verify({ publicKey: issuer, date });
    assert.ok(good, `@peculiar/x509 verifies certificate ${index} of the chain`);
    const again = Buffer.from(new PeculiarCertificate(certificate.toString('pem')).rawData);
    assert.deepEqual(again, chain[index]);
    assert.ok(
      new NodeCertificate(certificate.toString('pem')).checkIssued(new NodeCertificate(issuer.toString('pem'))),
    );
  }
}

/** Each SCT in the leaf verifies with @sigstore/core under a log of the trusted root. SPEC: RFC 6962 §3.2, §3.3. */
export function checkScts(leaf: Buffer, { issuing, ctLogs }: Authorities): void {
  const certificate = X509Certificate.parse(Buffer.from(leaf));
  const issuer = X509Certificate.parse(Buffer.from(issuing[0] ?? Buffer.alloc(0)));
  const precertificate = certificate.clone();
  const index = precertificate.extensions.findIndex((extension) => extension.subs[0]?.toOID() === EXTENSION_OID_SCT);
  assert.ok(index >= 0, 'the certificate has SCTs');
  const [extension] = precertificate.extensions.splice(index, 1);
  assert.ok(extension !== undefined);
  const tbs = precertificate.tbsCertificate.toDER();
  const entry = new ByteStream();
  entry.appendView(createHash('sha256').update(issuer.publicKey).digest());
  entry.appendUint24(tbs.length);
  entry.appendView(tbs);
  const scts = new X509SCTExtension(extension).signedCertificateTimestamps;
  assert.ok(scts.length > 0, 'the SCT list is not empty');
  for (const sct of scts) {
    const log = ctLogs.find(({ logId }) => logId.equals(sct.logID));
    assert.ok(log !== undefined, 'the SCT is by a log of the trusted root');
    assert.deepEqual(createHash('sha256').update(log.spki).digest(), log.logId);
    const key = createPublicKey({ key: log.spki, format: 'der', type: 'spki' });
    assert.ok(sct.verify(entry.buffer, key), '@sigstore/core verifies the SCT');
  }
}
