import { findExtension, parseCertificate, readDer, subjectAltNames } from '@sigstead/formats';

/** What a certificate says of its holder. */
export interface CertificateIdentity {
  readonly type: 'email' | 'uri' | 'other';
  readonly name: string;
  readonly issuer: string;
}

/** SPEC: Fulcio oid-info.md, 1.3.6.1.4.1.57264.1.8: the issuer as a DER UTF8String. */
const ISSUER = '1.3.6.1.4.1.57264.1.8';
const UTF8_STRING = 0x0c;

/** The only name and the issuer in a certificate. Throws when there are more. */
export function identityOf(der: Uint8Array): CertificateIdentity {
  const certificate = parseCertificate(der);
  const [name, ...more] = subjectAltNames(certificate)?.names ?? [];
  if (name === undefined || more.length > 0) throw new Error('the certificate has not exactly one name');
  const extension = findExtension(certificate, ISSUER);
  if (extension === undefined) throw new Error('the certificate names no issuer');
  const text = readDer(extension.value);
  if (text.tag !== UTF8_STRING) throw new Error('the issuer is no UTF8String');
  return {
    // SPEC: RFC 5280 §4.2.1.6 GeneralName
    type: name.type === 1 ? 'email' : name.type === 6 ? 'uri' : 'other',
    name: Buffer.from(name.content).toString('utf8'),
    issuer: Buffer.from(text.content).toString('utf8'),
  };
}
