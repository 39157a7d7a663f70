import {
  basicConstraints,
  DerError,
  extKeyUsage,
  findExtension,
  Oid,
  type ParsedCertificate,
  parseCertificate,
} from '@sigstead/formats';
import { LogError } from '../errors.ts';
import type { IssuerLinks } from './issuer-links.ts';

/** A submitted chain that leads to an accepted root. Certificates are as sent, the end entity first, the root last. */
export interface AcceptedChain {
  leaf: ParsedCertificate;
  /** At least one. */
  issuers: readonly [ParsedCertificate, ...ParsedCertificate[]];
}

/** Roots by the bytes of their certificate: exactly these, never another with the same name or key. */
export type AcceptedRoots = readonly ParsedCertificate[];

const MAX_CHAIN = 10;
/** Extended key usage of a precertificate signing certificate. SPEC: RFC 6962 §3.1 */
const PRECERT_SIGNING = '1.3.6.1.4.1.11129.2.4.4';
/** SPEC: RFC 6962 §3.1: the poison's extnValue holds an ASN.1 NULL. */
const ASN1_NULL = Buffer.of(0x05, 0x00);

/**
 * Checks a chain the way RFC 6962 §3.1 wants it: every certificate is signed by the next, issuers are CAs, the last is an
 * accepted root or was issued by one. What comes after an accepted root is dropped. Dates are not looked at: a log
 * records what was issued. The poison must be there exactly for `precert`. Throws `entry_refused`.
 */
export function acceptChain(
  chain: readonly Uint8Array[],
  roots: AcceptedRoots,
  type: 'x509' | 'precert',
  signatures: IssuerLinks,
): AcceptedChain {
  if (chain.length > MAX_CHAIN) throw bad(`chain of ${chain.length} certificates is too long`);
  const [leaf, ...sent] = chain.map(parseOne);
  if (leaf === undefined) throw bad('chain is empty');
  checkPoison(leaf, type);
  const issuers = completeToRoot([leaf, ...sent], roots, signatures);
  const links = [leaf, ...issuers];
  links.slice(1).forEach((issuer, below) => checkLink(links[below] ?? leaf, issuer, { below, signatures }));
  const [issuer, ...rest] = issuers;
  if (issuer === undefined) throw bad('chain has no issuer');
  return { leaf, issuers: [issuer, ...rest] };
}

/** The issuers of the first certificate up to an accepted root, which is added when only its signature was sent. */
function completeToRoot(
  certificates: readonly ParsedCertificate[],
  roots: AcceptedRoots,
  signatures: IssuerLinks,
): ParsedCertificate[] {
  const at = certificates.findIndex(
    (each, i) => i > 0 && roots.some((root) => Buffer.compare(root.der, each.der) === 0),
  );
  if (at !== -1) return certificates.slice(1, at + 1);
  const last = certificates.at(-1);
  const issued = (root: ParsedCertificate): boolean =>
    last !== undefined &&
    (last === certificates[0] ? signatures.isIssuedBy(last, root) : signatures.isCaIssuedBy(last, root));
  const root = roots.find(issued);
  if (root === undefined) throw bad('chain does not lead to an accepted root');
  return [...certificates.slice(1), root];
}

/** `below`: certificates between the end entity and this issuer. */
function checkLink(
  subject: ParsedCertificate,
  issuer: ParsedCertificate,
  { below, signatures }: { below: number; signatures: IssuerLinks },
): void {
  const holds = below === 0 ? signatures.isIssuedBy(subject, issuer) : signatures.isCaIssuedBy(subject, issuer);
  if (!holds) throw bad(`certificate ${below} is not signed by the next one`);
  const constraints = read(() => basicConstraints(issuer));
  if (constraints?.isCa !== true) throw bad(`certificate ${below + 1} is no CA`);
  if (constraints.pathLength !== undefined && constraints.pathLength < below) {
    throw bad(`certificate ${below + 1} allows no chain of this length`);
  }
  const isPrecertSigner = read(() => extKeyUsage(issuer))?.oids.includes(PRECERT_SIGNING) ?? false;
  if (below === 0 && isPrecertSigner) throw bad('precertificate signing certificates are not supported');
}

function checkPoison(leaf: ParsedCertificate, type: 'x509' | 'precert'): void {
  const poison = findExtension(leaf, Oid.ctPoison);
  if (type === 'x509') {
    if (poison !== undefined) throw bad('a precertificate was sent as a certificate');
    return;
  }
  if (poison === undefined) throw bad('the precertificate has no poison extension');
  if (!poison.critical) throw bad('the poison extension is not critical');
  if (Buffer.compare(poison.value, ASN1_NULL) !== 0) throw bad('the poison extension does not hold NULL');
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

function bad(reason: string, cause?: unknown): LogError {
  return new LogError('entry_refused', `failed to verify chain: ${reason}`, { cause });
}
