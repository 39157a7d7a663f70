import { DerError, extKeyUsage, type ParsedCertificate } from '@sigstead/formats';
import type { AcceptedChain } from './chain.ts';
import { badChain } from './chain-error.ts';

/** What a log takes beside what RFC 6962 asks of a chain. */
export interface AdmissionRules {
  /** Earliest notAfter of an end entity that is taken, ms since the epoch. */
  readonly notAfterStartMs?: number;
  /** The first notAfter that is not taken any more. */
  readonly notAfterLimitMs?: number;
  readonly rejectExpired?: boolean;
  readonly rejectUnexpired?: boolean;
  /** Identifiers of purposes of which the whole chain must allow one; default: any. */
  readonly extKeyUsages?: readonly string[];
}

/** Names of purposes as upstream's configurations have them. SPEC: RFC 5280 §4.2.1.12 */
export const EXT_KEY_USAGES = {
  ServerAuth: '1.3.6.1.5.5.7.3.1',
  ClientAuth: '1.3.6.1.5.5.7.3.2',
  CodeSigning: '1.3.6.1.5.5.7.3.3',
  EmailProtection: '1.3.6.1.5.5.7.3.4',
  TimeStamping: '1.3.6.1.5.5.7.3.8',
  OCSPSigning: '1.3.6.1.5.5.7.3.9',
} as const;
export type ExtKeyUsageName = keyof typeof EXT_KEY_USAGES;

const ANY_USAGE = '2.5.29.37.0';
/** Extended key usage of a Precertificate Signing Certificate. SPEC: RFC 6962 §3.1 */
export const PRECERT_SIGNING = '1.3.6.1.4.1.11129.2.4.4';

/** Throws `entry_refused`. */
export function checkRules(chain: AcceptedChain, rules: AdmissionRules, nowMs: number): void {
  checkWindow(chain.leaf, rules, nowMs);
  if (rules.extKeyUsages !== undefined) checkUsages([chain.leaf, ...chain.issuers], rules.extKeyUsages);
}

function checkWindow({ notAfterMs }: ParsedCertificate, rules: AdmissionRules, nowMs: number): void {
  const { notAfterStartMs, notAfterLimitMs } = rules;
  const time = (ms: number): string => new Date(ms).toISOString();
  if (notAfterStartMs !== undefined && notAfterMs < notAfterStartMs) {
    throw badChain(`certificate NotAfter (${time(notAfterMs)}) < ${time(notAfterStartMs)}`);
  }
  if (notAfterLimitMs !== undefined && notAfterMs >= notAfterLimitMs) {
    throw badChain(`certificate NotAfter (${time(notAfterMs)}) >= ${time(notAfterLimitMs)}`);
  }
  // SPEC: RFC 5280 §4.1.2.5: the last second still counts.
  const isExpired = nowMs >= notAfterMs + 1000;
  if (rules.rejectExpired === true && isExpired) throw badChain('rejecting expired certificate');
  if (rules.rejectUnexpired === true && !isExpired) throw badChain('rejecting unexpired certificate');
}

/** One of the wanted purposes must be open to every certificate; one without the extension, or with "any", is open to all. */
function checkUsages(certificates: readonly ParsedCertificate[], wanted: readonly string[]): void {
  let open = [...wanted];
  for (const certificate of certificates) {
    const allowed = usagesOf(certificate);
    if (allowed === undefined) continue;
    open = open.filter((usage) => allowed.includes(usage));
    if (open.length === 0) throw badChain('x509: certificate specifies an incompatible key usage');
  }
}

/** What the certificate limits its purposes to; undefined when to nothing. */
function usagesOf(certificate: ParsedCertificate): string[] | undefined {
  const oids = readUsages(certificate);
  if (oids === undefined || oids.includes(ANY_USAGE)) return undefined;
  // A certificate that may sign precertificates and nothing else says nothing about the final ones.
  const others = oids.filter((oid) => oid !== PRECERT_SIGNING);
  return others.length === 0 && oids.length > 0 ? undefined : others;
}

function readUsages(certificate: ParsedCertificate): string[] | undefined {
  try {
    return extKeyUsage(certificate)?.oids;
  } catch (error) {
    if (error instanceof DerError) throw badChain('an extension does not parse', error);
    throw error;
  }
}

/** Whether a certificate is there to sign precertificates for the CA that issued it. Throws `entry_refused`. */
export function isPrecertSigner(certificate: ParsedCertificate): boolean {
  return readUsages(certificate)?.includes(PRECERT_SIGNING) ?? false;
}
