// @peculiar/x509 needs it before its own import.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { VerificationModel } from '@sigstead/formats';
import { X509Certificate as PeculiarCertificate, X509ChainBuilder } from '@peculiar/x509';
import { ByteStream, crypto, EXTENSION_OID_SCT, X509Certificate, X509SCTExtension } from '@sigstore/core';

/**
 * What two libraries that know nothing of us say of a certificate: @peculiar/x509 parses it, builds its chain to a
 * published anchor and verifies every signature in it; @sigstore/core verifies every SCT in it. Rejects otherwise.
 */
export async function checkCertificate(leaf: Buffer<ArrayBuffer>, trust: VerificationModel): Promise<void> {
  const issuer = await checkChain(leaf, trust);
  checkScts(leaf, issuer, trust);
}

async function checkChain(leaf: Buffer<ArrayBuffer>, trust: VerificationModel): Promise<Buffer<ArrayBuffer>> {
  const certificate = new PeculiarCertificate(leaf);
  const published = trust.certificateAuthorities.map(({ chain }) => chain.map((der) => peculiar(der)));
  const chain = await new X509ChainBuilder({ certificates: published.flat() }).build(certificate);
  const [own, issuer] = chain;
  assert.ok(own !== undefined && issuer !== undefined, 'the certificate has no published issuer');
  assert.ok(own.equal(certificate));
  const anchor = chain.at(-1);
  assert.ok(anchor !== undefined && (await anchor.isSelfSigned()), 'the chain ends in no anchor');
  assert.ok(
    published.some((links) => links.at(-1)?.equal(anchor)),
    'the anchor is not published',
  );
  for (const [at, link] of chain.entries()) {
    const signedBy = chain[at + 1] ?? link;
    // It takes neither end of the validity itself.
    for (const date of [new Date(link.notBefore.getTime() + 1), new Date(link.notAfter.getTime() - 1)]) {
      assert.ok(await link.verify({ publicKey: signedBy.publicKey, date }), `link ${at} of the chain does not verify`);
    }
    assert.ok(
      link.notBefore >= signedBy.notBefore && link.notAfter <= signedBy.notAfter,
      `link ${at} outlives its issuer`,
    );
  }
  return Buffer.from(issuer.rawData);
}

function peculiar(der: Uint8Array): PeculiarCertificate {
  return new PeculiarCertificate(Uint8Array.from(der));
}

/** SPEC: RFC 6962 §3.2: the SCT is over the certificate without it, and the issuer's key. */
function checkScts(leaf: Buffer<ArrayBuffer>, issuer: Buffer<ArrayBuffer>, trust: VerificationModel): void {
  const bare = X509Certificate.parse(leaf).clone();
  const at = bare.extensions.findIndex((extension) => extension.subs[0]?.toOID() === EXTENSION_OID_SCT);
  const extension = bare.extensions[at];
  assert.ok(extension !== undefined, 'the certificate has no SCT');
  bare.extensions.splice(at, 1);
  const tbs = bare.tbsCertificate.toDER();
  const signed = new ByteStream();
  signed.appendView(crypto.digest('sha256', X509Certificate.parse(issuer).publicKey));
  signed.appendUint24(tbs.length);
  signed.appendView(tbs);
  const scts = new X509SCTExtension(extension).signedCertificateTimestamps;
  assert.ok(scts.length > 0, 'the list of SCTs is empty');
  for (const sct of scts) {
    const key = ctKey(trust, sct.logID);
    assert.ok(key !== undefined, 'an SCT is from no published log');
    assert.ok(sct.verify(signed.buffer, key), 'an SCT does not verify');
  }
}

function ctKey(trust: VerificationModel, logId: Buffer): KeyObject | undefined {
  const log = trust.ctlogs.find(({ spki }) => crypto.digest('sha256', Buffer.from(spki)).equals(logId));
  return log && createPublicKey({ key: Buffer.from(log.spki), format: 'der', type: 'spki' });
}
