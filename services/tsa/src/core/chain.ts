import {
  basicConstraints,
  DerError,
  extKeyUsage,
  isIssuedBy,
  keyUsage,
  Oid,
  type ParsedCertificate,
  parseCertificate,
} from '@sigstead/formats';
import { TsaSetupError } from './errors.ts';

/** A chain fit for timestamping, leaf first, root last. Only `checkChain` makes one. */
export interface TsaChain {
  readonly leaf: ParsedCertificate;
  readonly certificates: readonly ParsedCertificate[];
  /** Interval in which every certificate of the chain is valid, milliseconds, both ends inclusive. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly checked: true;
}

export interface ChainInput {
  /** DER, leaf first. */
  chain: readonly Uint8Array[];
  /** SubjectPublicKeyInfo of the key that will sign. */
  signerSpki: Uint8Array;
  nowMs: number;
  /** Every certificate between leaf and root must carry the timeStamping purpose. Default true. */
  enforceIntermediateEku?: boolean;
}

/**
 * Refuses every chain whose tokens a client would refuse, before the first token is made. Throws TsaSetupError.
 * SPEC: RFC 3161 §2.3; RFC 5280 §4.2.1.3, §4.2.1.9, §4.2.1.12, §6.1
 */
export function checkChain(input: ChainInput): TsaChain {
  const certificates = input.chain.map(parse);
  const [leaf, ...authorities] = certificates;
  if (leaf === undefined || authorities.length === 0)
    fail(
      'chain_too_short',
      `the chain has ${certificates.length} certificates`,
      'give the leaf first and its root last',
    );
  checkLeaf(leaf);
  checkKey(leaf, input.signerSpki);
  checkOrder(certificates);
  authorities.forEach((authority, below) => checkAuthority(authority, below));
  if (input.enforceIntermediateEku ?? true) authorities.slice(0, -1).forEach(checkIntermediateEku);
  certificates.forEach((certificate, at) => checkDates(certificate, at, input.nowMs));
  return {
    leaf,
    certificates,
    notBeforeMs: Math.max(...certificates.map((certificate) => certificate.notBeforeMs)),
    notAfterMs: Math.min(...certificates.map((certificate) => certificate.notAfterMs)),
    checked: true,
  };
}

function parse(der: Uint8Array, at: number): ParsedCertificate {
  try {
    return parseCertificate(der);
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new TsaSetupError('chain_unreadable', {
      message: `${nameOf(at)} is no DER certificate`,
      remedy: 'check the certificate chain file',
      cause,
    });
  }
}

function checkLeaf(leaf: ParsedCertificate): void {
  if (basicConstraints(leaf)?.isCa)
    fail('leaf_is_ca', 'the first certificate is a CA', 'put the timestamping leaf first, it must not be a CA');
  const purposes = extKeyUsage(leaf);
  const remedy = 'issue a leaf whose only extended key usage is timeStamping, marked critical';
  if (!purposes?.oids.includes(Oid.timeStamping))
    fail('leaf_eku_missing', 'the leaf lacks the timeStamping purpose', remedy);
  if (purposes.oids.length !== 1) fail('leaf_eku_extra', 'the leaf has more purposes than timeStamping', remedy);
  if (!purposes.critical) fail('leaf_eku_not_critical', 'the extended key usage of the leaf is not critical', remedy);
  const usage = keyUsage(leaf);
  const others = [...(usage ?? [])].filter((bit) => bit !== 'digitalSignature' && bit !== 'nonRepudiation');
  if (usage && (usage.size === 0 || others.length > 0))
    fail(
      'leaf_key_usage',
      `the key usage of the leaf is ${[...usage].join(', ') || 'empty'}`,
      'issue a leaf with key usage digitalSignature only',
    );
}

function checkKey(leaf: ParsedCertificate, signerSpki: Uint8Array): void {
  if (Buffer.compare(leaf.spki, signerSpki) !== 0)
    fail(
      'key_mismatch',
      'the key is not the one in the leaf',
      'configure the key that belongs to the first certificate',
    );
}

function checkOrder(certificates: readonly ParsedCertificate[]): void {
  certificates.forEach((certificate, at) => {
    const issuer = certificates[at + 1];
    if (issuer && !isIssuedBy(certificate, issuer))
      fail(
        'chain_order',
        `${nameOf(at)} was not issued by the certificate after it`,
        'order the chain leaf, intermediates, root, with none missing',
      );
    if (!issuer && !isIssuedBy(certificate, certificate))
      fail('chain_root', 'the last certificate is not self-signed', 'end the chain with its root');
  });
}

/** `below` is the number of CA certificates between this one and the leaf. */
function checkAuthority(authority: ParsedCertificate, below: number): void {
  const constraints = basicConstraints(authority);
  const name = nameOf(below + 1);
  const remedy = 'use CA certificates that may sign certificates at this depth';
  if (!constraints?.isCa) fail('chain_ca', `${name} is not a CA`, remedy);
  if (constraints.pathLength !== undefined && constraints.pathLength < below)
    fail('chain_ca', `${name} allows only ${constraints.pathLength} CAs below it`, remedy);
  const usage = keyUsage(authority);
  if (usage && !usage.has('keyCertSign')) fail('chain_ca', `${name} may not sign certificates`, remedy);
}

function checkIntermediateEku(intermediate: ParsedCertificate, below: number): void {
  if (!extKeyUsage(intermediate)?.oids.includes(Oid.timeStamping))
    fail(
      'chain_eku',
      `${nameOf(below + 1)} lacks the timeStamping purpose`,
      'issue the intermediate with extended key usage timeStamping, or turn enforceIntermediateEku off',
    );
}

function checkDates(certificate: ParsedCertificate, at: number, nowMs: number): void {
  if (nowMs >= certificate.notBeforeMs && nowMs <= certificate.notAfterMs) return;
  const from = new Date(certificate.notBeforeMs).toISOString();
  const until = new Date(certificate.notAfterMs).toISOString();
  fail(
    at === 0 ? 'leaf_expired' : 'chain_expired',
    `${nameOf(at)} is valid from ${from} to ${until} and it is ${new Date(nowMs).toISOString()}`,
    'rotate the certificate, or correct the clock',
  );
}

function nameOf(at: number): string {
  return at === 0 ? 'the leaf' : `certificate ${at + 1} of the chain`;
}

function fail(code: TsaSetupError['code'], message: string, remedy: string): never {
  throw new TsaSetupError(code, { message, remedy });
}
