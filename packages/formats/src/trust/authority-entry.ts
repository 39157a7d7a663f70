import { X509Certificate } from 'node:crypto';
import { readDer } from '../der/reader.ts';
import { Tag } from '../der/tags.ts';
import { type ParsedCertificate, parseCertificate } from '../x509/certificate.ts';
import { basicConstraints, extKeyUsage } from '../x509/extensions.ts';
import { Oid } from '../x509/oids.ts';
import type { CertificateAuthorityJson } from './documents.ts';
import { TrustError } from './errors.ts';
import { refusePem } from './keys.ts';
import type { TrustedAuthority } from './model.ts';
import { windowJson } from './time.ts';
import { checkUrl } from './urls.ts';

interface ChainLink {
  parsed: ParsedCertificate;
  x509: X509Certificate;
  isCa: boolean;
  extendedKeyUsage: ReturnType<typeof extKeyUsage>;
  subject: CertificateAuthorityJson['subject'];
}

const MAX_CHAIN = 10;

/** A CA chain: issuing CA first, self-signed anchor last, all of them CAs. Throws TrustError. */
export function certificateAuthorityEntry(authority: TrustedAuthority, path: string): CertificateAuthorityJson {
  const chain = readChain(authority.chain, `${path}.chain`);
  checkCas(chain, 0, path);
  return authorityJson(authority, chain, path);
}

/**
 * A TSA chain: leaf first, at least one CA above it. The leaf's extended key usage is timestamping alone, and critical.
 * SPEC: RFC 3161 §2.3. Throws TrustError.
 */
export function timestampAuthorityEntry(authority: TrustedAuthority, path: string): CertificateAuthorityJson {
  const chain = readChain(authority.chain, `${path}.chain`);
  if (chain.length < 2)
    throw new TrustError('tsa_chain_short', `${path}.chain`, 'clients want the leaf and at least its anchor');
  const leaf = chain[0] as ChainLink;
  if (leaf.isCa)
    throw new TrustError('tsa_leaf_is_ca', `${path}.chain[0]`, 'the first certificate must be the leaf, not a CA');
  const usage = leaf.extendedKeyUsage;
  if (usage?.critical !== true || usage.oids.length !== 1 || usage.oids[0] !== Oid.timeStamping) {
    throw new TrustError(
      'tsa_extended_key_usage',
      `${path}.chain[0]`,
      'wants one extended key usage, timeStamping, critical',
    );
  }
  checkCas(chain, 1, path);
  if (checkUrl(authority.uri, `${path}.uri`).pathname === '/') {
    throw new TrustError('tsa_url_without_path', `${path}.uri`, 'wants the full URL of timestamp requests');
  }
  return authorityJson(authority, chain, path);
}

function authorityJson(
  authority: TrustedAuthority,
  chain: readonly ChainLink[],
  path: string,
): CertificateAuthorityJson {
  checkUrl(authority.uri, `${path}.uri`);
  const anchor = chain.at(-1) as ChainLink;
  return {
    subject: anchor.subject,
    uri: authority.uri,
    certChain: { certificates: chain.map((link) => ({ rawBytes: Buffer.from(link.parsed.der).toString('base64') })) },
    validFor: windowJson(authority.validFor, `${path}.validFor`),
  };
}

function readChain(ders: readonly Uint8Array[], path: string): ChainLink[] {
  if (ders.length === 0 || ders.length > MAX_CHAIN) {
    throw new TrustError('chain_empty', path, `wants 1 to ${MAX_CHAIN} certificates`);
  }
  const chain = ders.map((der, index) => readLink(der, `${path}[${index}]`));
  chain.forEach((link, index) => checkIssuer(link, chain[index + 1], `${path}[${index}]`));
  return chain;
}

function readLink(der: Uint8Array, path: string): ChainLink {
  refusePem(der, path);
  try {
    const parsed = parseCertificate(der);
    return {
      parsed,
      x509: new X509Certificate(Buffer.from(der)),
      isCa: basicConstraints(parsed)?.isCa === true,
      extendedKeyUsage: extKeyUsage(parsed),
      subject: subjectOf(parsed),
    };
  } catch (cause) {
    throw new TrustError('certificate_invalid', path, 'not an X.509 certificate in DER', { cause });
  }
}

/** Name and signature lead to the next certificate, and the last one to itself. */
function checkIssuer(link: ChainLink, next: ChainLink | undefined, path: string): void {
  const issuer = next ?? link;
  if (link.x509.checkIssued(issuer.x509) && signedBy(link.x509, issuer.x509)) return;
  if (next) throw new TrustError('chain_order', path, 'not issued by the certificate that follows it');
  throw new TrustError(
    'anchor_not_self_signed',
    path,
    'the last certificate is not self-signed: issuer missing or order wrong',
  );
}

function signedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    // A key of another type than the signature's algorithm: not its issuer.
    return false;
  }
}

function checkCas(chain: readonly ChainLink[], from: number, path: string): void {
  const index = chain.findIndex((link, at) => at >= from && !link.isCa);
  if (index >= 0)
    throw new TrustError('chain_not_ca', `${path}.chain[${index}]`, 'end-entity certificate among the CAs');
}

/** First organization and common name of the subject, as published roots state them. SPEC: RFC 5280 §4.1.2.6 */
function subjectOf(certificate: ParsedCertificate): CertificateAuthorityJson['subject'] {
  const subject: CertificateAuthorityJson['subject'] = {};
  const name = readDer(certificate.subject).children();
  while (!name.done) {
    const attributes = name.next(Tag.set).children();
    while (!attributes.done) {
      const attribute = attributes.next(Tag.sequence).children();
      const type = attribute.next(Tag.oid).oid();
      const text = Buffer.from(attribute.next().content).toString('utf8');
      if (type === '2.5.4.10') subject.organization ??= text;
      if (type === '2.5.4.3') subject.commonName ??= text;
    }
  }
  return sortedSubject(subject);
}

function sortedSubject({
  organization,
  commonName,
}: CertificateAuthorityJson['subject']): CertificateAuthorityJson['subject'] {
  return { ...(organization ? { organization } : {}), ...(commonName ? { commonName } : {}) };
}

/** One entry per distinct chain. Throws `authority_duplicate`. */
export function checkAuthoritiesDistinct(entries: readonly CertificateAuthorityJson[], path: string): void {
  const seen = new Set<string>();
  entries.forEach((entry, index) => {
    const identity = entry.certChain.certificates.map((certificate) => certificate.rawBytes).join(',');
    if (seen.has(identity))
      throw new TrustError('authority_duplicate', `${path}[${index}]`, 'another entry has the same chain');
    seen.add(identity);
  });
}
