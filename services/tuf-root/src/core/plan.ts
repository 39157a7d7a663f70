import { formatExpires } from './expires.ts';
import type { IdentifiedKey } from './keys.ts';
import { TufError } from './errors.ts';
import { type RoleName, ROLES, type RootSigned, type SignedOf, SPEC_VERSION, type TargetEntry } from './metadata.ts';
import { type Periods, renewalDueMs } from './periods.ts';
import { expiresMs, type PublishedMetadata } from './published.ts';

/** The keys that should sign a role, and how many of them must. */
export interface DesiredRole {
  keys: readonly IdentifiedKey[];
  threshold: number;
}

export interface PlanInput {
  published: PublishedMetadata | undefined;
  /** Roles for which this publisher holds signers; the others stay as the published root has them. */
  roles: Readonly<Partial<Record<RoleName, DesiredRole>>>;
  /** Undefined leaves the published targets as they are. */
  targets: Readonly<Record<string, TargetEntry>> | undefined;
  periods: Periods;
  nowMs: number;
}

/** What has to be signed, in this order; empty when everything stands. `overdue` are roles that need a signer which is not here. */
export interface Plan {
  signed: Partial<SignedOf>;
  overdue: RoleName[];
}

/**
 * Which roles need a new version now, with their contents. A role is signed anew when its content, its keys or what it points to changed, or
 * when it is due. Versions go up by one. Throws TufError when a needed signer is missing.
 */
export function planPublication(input: PlanInput): Plan {
  const overdue: RoleName[] = [];
  const root = planRoot(input, overdue);
  const newRoot = root ?? input.published?.root;
  if (!newRoot) throw new TufError('root_signer_missing', 'a new repository needs a signer for the root role');
  requireOnlineKeys(input, newRoot);
  const rekeyed = (role: RoleName): boolean =>
    input.published !== undefined && !sameKeys(input.published.root, newRoot, role);
  const targets = planTargets(input, rekeyed('targets'), overdue);
  const snapshot = planSnapshot(input, rekeyed('snapshot'), targets);
  const timestamp = planTimestamp(input, rekeyed('timestamp'), snapshot);
  return { signed: defined({ root, targets, snapshot, timestamp }), overdue };
}

function planRoot(input: PlanInput, overdue: RoleName[]): RootSigned | undefined {
  const { published, roles } = input;
  const due = published !== undefined && isDue(input, 'root');
  if (!roles.root) {
    if (due) overdue.push('root');
    return undefined;
  }
  const content = rootContent(input);
  const unchanged =
    published !== undefined && JSON.stringify(rootContent(input, published.root)) === JSON.stringify(content);
  if (unchanged && !due) return undefined;
  return { _type: 'root', ...common(input, 'root'), consistent_snapshot: true, ...content };
}

/** Keys and roles of the root that is wanted; of `from`, when given, in the same order of members, for comparison. */
function rootContent(input: PlanInput, from?: RootSigned): Pick<RootSigned, 'keys' | 'roles'> {
  const published = from ?? input.published?.root;
  const keys = new Map<string, IdentifiedKey['key']>();
  const role = (name: RoleName): { keyids: string[]; threshold: number } => {
    const desired = from ? undefined : input.roles[name];
    const kept = published?.roles[name];
    if (!desired && !kept) throw new TufError('targets_signer_missing', `a new repository needs a signer for ${name}`);
    const ids = (desired ? desired.keys.map(({ keyId }) => keyId) : (kept?.keyids ?? [])).toSorted();
    for (const id of ids) {
      const key = desired?.keys.find(({ keyId }) => keyId === id)?.key ?? published?.keys[id];
      if (key) keys.set(id, { keytype: key.keytype, keyval: { public: key.keyval.public }, scheme: key.scheme });
    }
    return { keyids: ids, threshold: desired?.threshold ?? kept?.threshold ?? 1 };
  };
  const roles = {
    root: role('root'),
    targets: role('targets'),
    snapshot: role('snapshot'),
    timestamp: role('timestamp'),
  };
  return { keys: Object.fromEntries([...keys].sort(([a], [b]) => (a < b ? -1 : 1))), roles };
}

/** Without a root signer the online keys must already be the published ones. */
function requireOnlineKeys(input: PlanInput, root: RootSigned): void {
  for (const role of ROLES) {
    const missing = input.roles[role]?.keys.find(({ keyId }) => !root.roles[role].keyids.includes(keyId));
    if (missing)
      throw new TufError('signer_not_in_root', `key ${missing.keyId} of ${role} is not in root ${root.version}`);
  }
}

function planTargets(input: PlanInput, rekeyed: boolean, overdue: RoleName[]): SignedOf['targets'] | undefined {
  const before = input.published?.targets;
  const content = input.targets ?? before?.targets;
  if (!content) throw new TufError('targets_signer_missing', 'a new repository needs targets');
  const changed = rekeyed || !before || JSON.stringify(content) !== JSON.stringify(before.targets);
  if (!changed && !isDue(input, 'targets')) return undefined;
  if (!input.roles.targets) {
    if (changed) throw new TufError('targets_signer_missing', 'the targets changed, and their signer is not here');
    overdue.push('targets');
    return undefined;
  }
  return { _type: 'targets', ...common(input, 'targets'), targets: { ...content } };
}

function planSnapshot(
  input: PlanInput,
  rekeyed: boolean,
  targets: SignedOf['targets'] | undefined,
): SignedOf['snapshot'] | undefined {
  if (input.published && !targets && !rekeyed && !isDue(input, 'snapshot')) return undefined;
  const version = targets?.version ?? input.published?.targets.version ?? 1;
  return { _type: 'snapshot', ...common(input, 'snapshot'), meta: { 'targets.json': { version } } };
}

function planTimestamp(
  input: PlanInput,
  rekeyed: boolean,
  snapshot: SignedOf['snapshot'] | undefined,
): SignedOf['timestamp'] | undefined {
  if (input.published && !snapshot && !rekeyed && !isDue(input, 'timestamp')) return undefined;
  const version = snapshot?.version ?? input.published?.snapshot.version ?? 1;
  return { _type: 'timestamp', ...common(input, 'timestamp'), meta: { 'snapshot.json': { version } } };
}

function isDue(input: PlanInput, role: RoleName): boolean {
  const before = input.published?.[role];
  return before === undefined || renewalDueMs(expiresMs(before), input.periods[role]) <= input.nowMs;
}

function common(input: PlanInput, role: RoleName): { spec_version: string; version: number; expires: string } {
  return {
    spec_version: SPEC_VERSION,
    version: (input.published?.[role].version ?? 0) + 1,
    expires: formatExpires(input.nowMs + input.periods[role].lifetimeMs),
  };
}

function sameKeys(a: RootSigned, b: RootSigned, role: RoleName): boolean {
  const text = ({ keyids, threshold }: RootSigned['roles'][RoleName]): string =>
    `${threshold} ${keyids.toSorted().join()}`;
  return text(a.roles[role]) === text(b.roles[role]);
}

function defined(signed: { [R in RoleName]: SignedOf[R] | undefined }): Partial<SignedOf> {
  return Object.fromEntries(Object.entries(signed).filter(([, value]) => value !== undefined));
}

/** When the next role falls due, in milliseconds since 1970. */
export function nextRenewalMs(published: PublishedMetadata, periods: Periods): number {
  return Math.min(...ROLES.map((role) => renewalDueMs(expiresMs(published[role]), periods[role])));
}
