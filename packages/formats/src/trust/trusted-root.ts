import { certificateAuthorityEntry, checkAuthoritiesDistinct, timestampAuthorityEntry } from './authority-entry.ts';
import { TRUSTED_ROOT_MEDIA_TYPE, type TrustedRootJson } from './documents.ts';
import { checkLogsDistinct, logEntry } from './log-entry.ts';
import type { TrustedAuthority, TrustedLog, TrustModel, ValidityWindow } from './model.ts';

/** The part of the model that verification needs. */
export type VerificationModel = Pick<
  TrustModel,
  'certificateAuthorities' | 'tlogs' | 'ctlogs' | 'timestampAuthorities'
>;

/**
 * The trusted root of a model: every entry ever used, sorted by start of validity, with computed log ids and subjects.
 * Only fields of schema v0.1. Throws TrustError. SPEC: protobuf-specs sigstore_trustroot.proto TrustedRoot
 */
export function buildTrustedRoot(model: VerificationModel): TrustedRootJson {
  return {
    mediaType: TRUSTED_ROOT_MEDIA_TYPE,
    tlogs: logEntries(model.tlogs, 'tlogs'),
    certificateAuthorities: authorityEntries(
      model.certificateAuthorities,
      'certificateAuthorities',
      certificateAuthorityEntry,
    ),
    ctlogs: logEntries(model.ctlogs, 'ctlogs'),
    timestampAuthorities: authorityEntries(model.timestampAuthorities, 'timestampAuthorities', timestampAuthorityEntry),
  };
}

function logEntries(logs: readonly TrustedLog[], path: string): TrustedRootJson['tlogs'] {
  const entries = logs.map((log, index) => logEntry(log, `${path}[${index}]`));
  checkLogsDistinct(logs, entries, path);
  return sortByStart(logs, entries);
}

type AuthorityBuilder = typeof certificateAuthorityEntry;

function authorityEntries(
  authorities: readonly TrustedAuthority[],
  path: string,
  build: AuthorityBuilder,
): TrustedRootJson['certificateAuthorities'] {
  const entries = authorities.map((authority, index) => build(authority, `${path}[${index}]`));
  checkAuthoritiesDistinct(entries, path);
  return sortByStart(authorities, entries);
}

/** Oldest first; equal starts keep the model's order. SPEC: sigstore_trustroot.proto TrustedRoot (sorted by start) */
function sortByStart<T>(sources: readonly { validFor: ValidityWindow }[], entries: readonly T[]): T[] {
  return entries
    .map((entry, index) => ({ entry, startMs: sources[index]?.validFor.startMs ?? 0 }))
    .sort((a, b) => a.startMs - b.startMs)
    .map(({ entry }) => entry);
}
