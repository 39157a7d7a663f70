import { basicConstraints, DerError, type ParsedCertificate, parseCertificate } from '@sigstead/formats';
import { LogError } from '../errors.ts';

/** A certificate that chains may lead to, with the SHA-256 of its bytes in hex: exactly these bytes are meant. */
export interface AcceptedRoot {
  readonly certificate: ParsedCertificate;
  readonly fingerprint: string;
}

/** More than any list of roots there is; each submission may be compared with all of them. */
export const MAX_ROOTS = 1000;

/**
 * Reads what a source of roots holds: certificates that parse and are CAs, each once. One that is not spoils the whole,
 * so that a source is taken as it is or not at all. Throws `misconfigured`.
 */
export function readRoots(ders: readonly Uint8Array[], sha256: (data: Uint8Array) => Uint8Array): AcceptedRoot[] {
  if (ders.length === 0) throw bad('it holds no certificate');
  if (ders.length > MAX_ROOTS) throw bad(`it holds more than ${MAX_ROOTS} certificates`);
  const roots = new Map<string, AcceptedRoot>();
  for (const [i, der] of ders.entries()) {
    const fingerprint = Buffer.from(sha256(der)).toString('hex');
    roots.set(fingerprint, { certificate: readCa(der, i), fingerprint });
  }
  return [...roots.values()];
}

/** All that are accepted, in the order of the sources, each once, without those that are rejected. */
export function mergeRoots(
  sources: readonly (readonly AcceptedRoot[])[],
  rejected: ReadonlySet<string>,
): readonly AcceptedRoot[] {
  const merged = new Map<string, AcceptedRoot>();
  for (const root of sources.flat()) {
    if (!rejected.has(root.fingerprint) && !merged.has(root.fingerprint)) merged.set(root.fingerprint, root);
  }
  return [...merged.values()];
}

/** Fingerprints of `after` that are not in `before`. */
export function addedTo(before: readonly AcceptedRoot[], after: readonly AcceptedRoot[]): string[] {
  const known = new Set(before.map(({ fingerprint }) => fingerprint));
  return after.flatMap(({ fingerprint }) => (known.has(fingerprint) ? [] : [fingerprint]));
}

function readCa(der: Uint8Array, position: number): ParsedCertificate {
  try {
    // A copy: what a root is a view of may be a whole file.
    const certificate = parseCertificate(Uint8Array.from(der));
    if (basicConstraints(certificate)?.isCa === true) return certificate;
  } catch (error) {
    if (error instanceof DerError) throw bad(`certificate ${position} does not parse`, error);
    throw error;
  }
  throw bad(`certificate ${position} is no CA`);
}

function bad(text: string, cause?: unknown): LogError {
  return new LogError('misconfigured', text, { cause });
}
