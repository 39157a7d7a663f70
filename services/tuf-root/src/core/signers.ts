import type { Signer } from '@sigstead/keys';
import { TufError } from './errors.ts';
import { type RoleSigner, roleSigner } from './keys.ts';
import { ROLES, type RoleName } from './metadata.ts';
import type { DesiredRole } from './plan.ts';

type OneOrMore = Signer | readonly Signer[];

/**
 * The signers this publisher holds. Without `root` and `targets` it renews snapshot and timestamp of a repository that exists.
 * `previousRoot` endorse a new set of root keys: a root is accepted only when the keys before it have signed it too.
 */
export interface TufSigners {
  root?: OneOrMore;
  targets?: OneOrMore;
  snapshot: OneOrMore;
  timestamp: OneOrMore;
  previousRoot?: readonly Signer[];
}

/** How many keys of a role must sign. Default 1. */
export type Thresholds = Readonly<Partial<Record<RoleName, number>>>;

/** The signers by role, and what they ask the root to say. */
export interface SignerSet {
  roles: Readonly<Partial<Record<RoleName, DesiredRole>>>;
  /** For the root role also the previous root's. */
  signersFor(role: RoleName): RoleSigner[];
}

/** Throws `key_unsupported`, `threshold_impossible`. */
export function signerSet(signers: TufSigners, thresholds: Thresholds): SignerSet {
  const byRole: Partial<Record<RoleName, RoleSigner[]>> = {};
  const roles: Partial<Record<RoleName, DesiredRole>> = {};
  for (const role of ROLES) {
    const given = signers[role];
    if (given === undefined) continue;
    const keys = list(given).map(roleSigner);
    roles[role] = {
      keys: keys.map(({ key, keyId }) => ({ key, keyId })),
      threshold: checkedThreshold(role, keys, thresholds),
    };
    byRole[role] = keys;
  }
  const previousRoot = (signers.previousRoot ?? []).map(roleSigner);
  return {
    roles,
    signersFor: (role) => [...(byRole[role] ?? []), ...(role === 'root' ? previousRoot : [])],
  };
}

function checkedThreshold(role: RoleName, keys: readonly RoleSigner[], thresholds: Thresholds): number {
  const threshold = thresholds[role] ?? 1;
  const distinct = new Set(keys.map(({ keyId }) => keyId)).size;
  if (distinct !== keys.length || !Number.isSafeInteger(threshold) || threshold < 1 || threshold > distinct) {
    throw new TufError('threshold_impossible', `${role}: threshold ${threshold} of ${distinct} different keys`);
  }
  return threshold;
}

function list(signers: OneOrMore): readonly Signer[] {
  return 'sign' in signers ? [signers] : signers;
}
