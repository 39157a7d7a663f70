import {
  basicConstraints,
  DerError,
  findExtension,
  Oid,
  type ParsedCertificate,
  parseCertificate,
} from '@sigstead/formats';
import { badChain as bad, UnknownRoot } from './chain-error.ts';
import type { IssuerLinks } from './issuer-links.ts';
import type { AcceptedRoot } from './roots.ts';
import { isPrecertSigner } from './rules.ts';

/** A submitted chain that leads to an accepted root. Certificates are as sent, the end entity first, the root last. */
export interface AcceptedChain {
  leaf: ParsedCertificate;
  /** At least one. */
  issuers: readonly [ParsedCertificate, ...ParsedCertificate[]];
  /**
   * Who will issue the final certificate: the first of `issuers`, or the second when the first is there to sign
   * precertificates only. SPEC: RFC 6962 §3.1
   */
  finalIssuer: ParsedCertificate;
}

const MAX_CHAIN = 10;
/** SPEC: RFC 6962 §3.1: the poison's extnValue holds an ASN.1 NULL. */
const ASN1_NULL = Buffer.of(0x05, 0x00);

/**
 * Checks a chain the way RFC 6962 §3.1 wants it: every certificate is signed by the next, issuers are CAs, the last is an
 * accepted root or was issued by one. What comes after an accepted root is dropped. Dates are not looked at: a log
 * records what was issued. The poison must be there exactly for `precert`. Throws `entry_refused`, as UnknownRoot when
 * only the root is the matter.
 */
export function acceptChain(
  chain: readonly Uint8Array[],
  roots: readonly AcceptedRoot[],
  type: 'x509' | 'precert',
  signatures: IssuerLinks,
): AcceptedChain {
  if (chain.length > MAX_CHAIN) throw bad(`chain of ${chain.length} certificates is too long`);
  const [leaf, ...sent] = chain.map(parseOne);
  if (leaf === undefined) throw bad('cert chain was empty');
  checkPoison(leaf, type);
  const [issuer, ...rest] = completeToRoot([leaf, ...sent], roots, signatures);
  if (issuer === undefined) throw bad('chain has no issuer');
  const signer = type === 'precert' && isPrecertSigner(issuer) ? issuer : undefined;
  [issuer, ...rest].forEach((above, below) => {
    // The extra certificate does not count: the final one is issued without it.
    const counted = signer === undefined || below === 0 ? below : below - 1;
    checkLink([leaf, issuer, ...rest][below] ?? leaf, above, { below, counted, signatures });
  });
  const finalIssuer = signer === undefined ? issuer : rest[0];
  if (finalIssuer === undefined) throw bad('a root cannot be a precertificate signing certificate');
  return { leaf, issuers: [issuer, ...rest], finalIssuer };
}

/** The issuers of the first certificate up to an accepted root, which is added when only its signature was sent. */
function completeToRoot(
  certificates: readonly ParsedCertificate[],
  roots: readonly AcceptedRoot[],
  signatures: IssuerLinks,
): ParsedCertificate[] {
  // Exactly its bytes make a root: another certificate with the same name or key is another matter.
  const at = certificates.findIndex(
    (each, i) => i > 0 && roots.some(({ certificate }) => Buffer.compare(certificate.der, each.der) === 0),
  );
  if (at !== -1) return certificates.slice(1, at + 1);
  const last = certificates.at(-1);
  const issued = ({ certificate: root }: AcceptedRoot): boolean =>
    last !== undefined &&
    Buffer.compare(last.issuer, root.subject) === 0 &&
    (last === certificates[0] ? signatures.isIssuedBy(last, root) : signatures.isCaIssuedBy(last, root));
  const root = roots.find(issued);
  if (root === undefined) throw new UnknownRoot();
  return [...certificates.slice(1), root.certificate];
}

/** `below`: certificates between the end entity and this issuer; `counted`: those that its path length allows for. */
function checkLink(
  subject: ParsedCertificate,
  issuer: ParsedCertificate,
  { below, counted, signatures }: { below: number; counted: number; signatures: IssuerLinks },
): void {
  const holds = below === 0 ? signatures.isIssuedBy(subject, issuer) : signatures.isCaIssuedBy(subject, issuer);
  if (!holds) throw bad(`certificate ${below} is not signed by the next one`);
  const constraints = read(() => basicConstraints(issuer));
  if (constraints?.isCa !== true) throw bad(`certificate ${below + 1} is no CA`);
  if (constraints.pathLength !== undefined && constraints.pathLength < counted) {
    throw bad(`certificate ${below + 1} allows no chain of this length`);
  }
}

function checkPoison(leaf: ParsedCertificate, type: 'x509' | 'precert'): void {
  const poison = findExtension(leaf, Oid.ctPoison);
  if (type === 'x509') {
    if (poison !== undefined) throw bad('cert / precert mismatch: a precertificate was sent as a certificate');
    return;
  }
  if (poison === undefined) throw bad('cert / precert mismatch: the precertificate has no poison extension');
  if (!poison.critical) throw bad('precert test failed: the poison extension is not critical');
  if (Buffer.compare(poison.value, ASN1_NULL) !== 0)
    throw bad('precert test failed: the poison extension does not hold NULL');
}

function parseOne(der: Uint8Array, position: number): ParsedCertificate {
  try {
    return parseCertificate(der);
  } catch (error) {
    if (error instanceof DerError) throw bad(`certificate ${position} does not parse`, error);
    throw error;
  }
}

/** Extensions are parsed on demand; one that does not parse spoils the chain. */
function read<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof DerError) throw bad('an extension does not parse', error);
    throw error;
  }
}
