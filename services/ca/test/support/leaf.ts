import { createHash } from 'node:crypto';
import { parseCertificate } from '@sigstead/formats';
import type { RecordedLeaf } from './recorded.ts';

/** What of a leaf a second issuance repeats, in the members of a recorded `leaf`. */
export function comparableLeaf(der: Uint8Array): Record<string, unknown> {
  const certificate = parseCertificate(der);
  return {
    version: certificate.version,
    signatureAlgorithm: certificate.signatureAlgorithm.oid,
    subjectHex: Buffer.from(certificate.subject).toString('hex'),
    issuerHex: Buffer.from(certificate.issuer).toString('hex'),
    validitySeconds: (certificate.notAfterMs - certificate.notBeforeMs) / 1000,
    subjectPublicKeyInfoSha256: createHash('sha256').update(certificate.spki).digest('hex'),
    extensions: certificate.extensions.map(({ oid, critical, value }) => ({
      oid,
      critical,
      valueHex: oid === SCT_LIST ? '' : Buffer.from(value).toString('hex'),
    })),
  };
}

const SCT_LIST = '1.3.6.1.4.1.11129.2.4.2';

/** The same members of a recorded leaf. */
export function recordedLeaf(leaf: RecordedLeaf): Record<string, unknown> {
  const names = Object.keys({ version: 0, signatureAlgorithm: 0, subjectHex: 0, issuerHex: 0, validitySeconds: 0 });
  return {
    ...Object.fromEntries([...names, 'subjectPublicKeyInfoSha256'].map((name) => [name, leaf[name]])),
    extensions: leaf.extensions.map(({ oid, critical, valueHex, volatile }) => ({
      oid,
      critical,
      valueHex: volatile === true ? '' : (valueHex ?? ''),
    })),
  };
}
