import { createHash } from 'node:crypto';
import type { TrustModel, ValidityWindow } from '@sigstead/formats';
import { TufError } from './errors.ts';

const FIELDS = ['certificateAuthorities', 'tlogs', 'ctlogs', 'timestampAuthorities'] as const;

/**
 * Trust material is only ever added to: whatever was published may be needed to verify something that exists. An entry may end, move its
 * end, change its URL, or start earlier; it may not vanish or start later. Throws `entry_removed`,
 * `entry_start_later`, `origin_changed`.
 */
export function checkSuccession(before: TrustModel, after: TrustModel): void {
  for (const field of FIELDS) {
    const next = new Map(entries(after, field));
    for (const [identity, old] of entries(before, field)) {
      const now = next.get(identity);
      if (!now)
        throw new TufError(
          'entry_removed',
          `${field}: the entry that is valid from ${iso(old)} is missing; set its end instead`,
        );
      if (now.startMs > old.startMs) {
        throw new TufError('entry_start_later', `${field}: an entry valid from ${iso(old)} would start at ${iso(now)}`);
      }
    }
  }
  checkOrigins(before, after);
}

/**
 * The port of a Rekor v2 log may change, its host name may not: clients compare it with the origin inside old bundles. Throws `origin_changed`.
 */
function checkOrigins(before: TrustModel, after: TrustModel): void {
  for (const old of before.tlogs) {
    const now = after.tlogs.find((log) => log.kind === old.kind && Buffer.compare(log.spki, old.spki) === 0);
    if (old.kind !== 'rekor-v2' || !now || hostname(now.baseUrl) === hostname(old.baseUrl)) continue;
    throw new TufError(
      'origin_changed',
      `tlogs: ${old.baseUrl} cannot move to ${now.baseUrl}: its signed checkpoints name the host`,
    );
  }
}

function hostname(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : url;
}

/** An entry is its key or its whole chain, and of logs the kind. */
function entries(model: TrustModel, field: (typeof FIELDS)[number]): [identity: string, validFor: ValidityWindow][] {
  return model[field].map((entry) => {
    const parts = 'chain' in entry ? entry.chain : [Buffer.from(entry.kind), entry.spki];
    const hash = createHash('sha256');
    for (const part of parts) hash.update(`${part.length}:`).update(part);
    return [hash.digest('hex'), entry.validFor];
  });
}

function iso(window: ValidityWindow): string {
  return new Date(window.startMs).toISOString();
}
