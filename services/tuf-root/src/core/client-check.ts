import { createHash } from 'node:crypto';
import { parseEnvelope, requireThreshold } from './envelope.ts';
import { TufError } from './errors.ts';
import { parseExpires } from './expires.ts';
import {
  type AnySigned,
  type Envelope,
  metadataPath,
  type RoleName,
  type RootSigned,
  type SignedOf,
  targetPath,
  type TargetsSigned,
} from './metadata.ts';

/** A published tree as a client sees it: the file at a path below the metadata URL, or undefined for 404. */
export type RepositoryView = (path: string) => Uint8Array | undefined;

/** What a client has verified and keeps. Only `root` is there before the first refresh. */
export interface ClientState {
  root: RootSigned;
  timestamp?: SignedOf['timestamp'];
  snapshot?: SignedOf['snapshot'];
  targets?: TargetsSigned;
}
export type RefreshedState = Required<ClientState>;

/** sigstore-rust follows 32 new roots, others 256: from a client's root to the newest. */
const MAX_ROOT_ROTATIONS = 256;

/** A client that trusts these bytes as its first root. Throws TufError. */
export function clientFrom(rootBytes: Uint8Array): ClientState {
  const envelope = parseEnvelope(rootBytes, 'root');
  requireRole(envelope, envelope.signed);
  return { root: envelope.signed };
}

/**
 * One refresh of a client, step by step as the specification has it, over a tree held in memory. The publisher runs it before it
 * publishes. Throws TufError where a client would refuse. SPEC: TUF specification §5.3-5.6
 */
export function refreshClient(state: ClientState, view: RepositoryView, nowMs: number): RefreshedState {
  const root = walkRoots(state.root, view);
  requireFresh(root, nowMs);
  const cached = afterRoot(state, root);
  const timestamp = readTimestamp(root, cached, view, nowMs);
  const snapshot = readSnapshot(root, { cached, timestamp }, view, nowMs);
  const targets = readTargets(root, { cached, snapshot }, view, nowMs);
  return { root, timestamp, snapshot, targets };
}

/** A target as a client downloads it: exact length, then hash. Throws TufError. SPEC: TUF specification §5.7 */
export function downloadTarget(targets: TargetsSigned, name: string, view: RepositoryView): Uint8Array {
  const entry = Object.hasOwn(targets.targets, name) ? targets.targets[name] : undefined;
  if (!entry) throw new TufError('target_unknown', `no target ${name}`);
  const bytes = need(view, targetPath(name, entry.hashes.sha256));
  if (bytes.length !== entry.length)
    throw new TufError('length_mismatch', `${name}: ${bytes.length} bytes, not ${entry.length}`);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== entry.hashes.sha256) throw new TufError('hash_mismatch', `${name} has another hash`);
  return bytes;
}

function walkRoots(first: RootSigned, view: RepositoryView): RootSigned {
  let root = first;
  for (let step = 0; ; step += 1) {
    const bytes = view(metadataPath('root', root.version + 1));
    if (!bytes) return root;
    if (step === MAX_ROOT_ROTATIONS)
      throw new TufError('version_unexpected', `over ${MAX_ROOT_ROTATIONS} roots to walk`);
    root = nextRoot(root, bytes);
  }
}

/** The root after `trusted`: signed by a threshold of both, version exactly one higher. May be expired. SPEC: TUF §5.3.4-5.3.5 */
export function nextRoot(trusted: RootSigned, bytes: Uint8Array): RootSigned {
  const envelope = parseEnvelope(bytes, 'root');
  requireRole(envelope, trusted);
  requireRole(envelope, envelope.signed);
  if (envelope.signed.version !== trusted.version + 1) {
    throw new TufError('version_unexpected', `root ${envelope.signed.version} after root ${trusted.version}`);
  }
  return envelope.signed;
}

/** New timestamp or snapshot keys end the trust in what the old ones signed. SPEC: TUF specification §5.3.11 */
function afterRoot(state: ClientState, root: RootSigned): ClientState {
  const changed = (role: RoleName): boolean =>
    state.root.roles[role].keyids.toSorted().join() !== root.roles[role].keyids.toSorted().join();
  return changed('timestamp') || changed('snapshot') ? { root } : { ...state, root };
}

function readTimestamp(
  root: RootSigned,
  cached: ClientState,
  view: RepositoryView,
  nowMs: number,
): SignedOf['timestamp'] {
  const bytes = need(view, metadataPath('timestamp', 0));
  const timestamp = readRole(bytes, 'timestamp', root);
  const old = cached.timestamp;
  if (old) {
    requireNotLower(timestamp, old);
    const [pinned, before] = [timestamp.meta['snapshot.json'].version, old.meta['snapshot.json'].version];
    if (pinned < before)
      throw new TufError('version_rollback', `timestamp points to snapshot ${pinned} after ${before}`);
  }
  requireFresh(timestamp, nowMs);
  return timestamp;
}

interface Pinned {
  cached: ClientState;
  timestamp: SignedOf['timestamp'];
}

function readSnapshot(root: RootSigned, pinned: Pinned, view: RepositoryView, nowMs: number): SignedOf['snapshot'] {
  const { version } = pinned.timestamp.meta['snapshot.json'];
  const snapshot = readRole(need(view, metadataPath('snapshot', version)), 'snapshot', root);
  requireVersion(snapshot, version);
  const old = pinned.cached.snapshot;
  if (old) {
    requireNotLower(snapshot, old);
    const [now, before] = [snapshot.meta['targets.json'].version, old.meta['targets.json'].version];
    if (now < before) throw new TufError('version_rollback', `snapshot points to targets ${now} after ${before}`);
  }
  requireFresh(snapshot, nowMs);
  return snapshot;
}

interface SnapshotPinned {
  cached: ClientState;
  snapshot: SignedOf['snapshot'];
}

function readTargets(root: RootSigned, pinned: SnapshotPinned, view: RepositoryView, nowMs: number): TargetsSigned {
  const { version } = pinned.snapshot.meta['targets.json'];
  const targets = readRole(need(view, metadataPath('targets', version)), 'targets', root);
  requireVersion(targets, version);
  if (pinned.cached.targets) requireNotLower(targets, pinned.cached.targets);
  requireFresh(targets, nowMs);
  return targets;
}

function readRole<R extends RoleName>(bytes: Uint8Array, role: R, root: RootSigned): SignedOf[R] {
  const envelope = parseEnvelope(bytes, role);
  requireRole(envelope, root);
  return envelope.signed;
}

function requireRole(envelope: Envelope, root: RootSigned): void {
  requireThreshold(envelope, root.roles[envelope.signed._type], root.keys);
}

function requireVersion(signed: AnySigned, version: number): void {
  if (signed.version === version) return;
  throw new TufError('version_unexpected', `${signed._type} ${signed.version} where ${version} is announced`);
}

/** Lower is a rollback, and so is the same version with other content: one of the two was not meant to be. */
function requireNotLower(signed: AnySigned, old: AnySigned): void {
  if (signed.version > old.version) return;
  if (signed.version === old.version && JSON.stringify(signed) === JSON.stringify(old)) return;
  throw new TufError('version_rollback', `${signed._type} ${signed.version} after ${old.version}`);
}

function requireFresh(signed: AnySigned, nowMs: number): void {
  if ((parseExpires(signed.expires) ?? 0) > nowMs) return;
  throw new TufError('expired', `${signed._type} ${signed.version} expired at ${signed.expires}`);
}

function need(view: RepositoryView, path: string): Uint8Array {
  const bytes = view(path);
  if (!bytes) throw new TufError('file_missing', `no ${path}`);
  return bytes;
}
