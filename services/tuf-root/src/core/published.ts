import { parseEnvelope } from './envelope.ts';
import { parseExpires } from './expires.ts';
import { type AnySigned, metadataPath, ROLES, type RoleName, type SignedOf, targetPath } from './metadata.ts';
import type { RepositoryView } from './client-check.ts';

/** One version of one role, as its bytes are served. Never changes. */
export interface MetadataFile {
  version: number;
  bytes: Uint8Array;
}

/** One target as served below `targets/`. Never changes. */
export interface TargetBlob {
  name: string;
  sha256: Uint8Array;
  bytes: Uint8Array;
}

/** What clients see at one moment: the newest of each role, every root before, and the files that the targets role names. */
export interface PublishedSet {
  /** 1 for the first publication, then one higher each. */
  sequence: number;
  publishedAtMs: number;
  /** The stored form of the model it was derived from. */
  model: Uint8Array;
  /** Versions 1, 2, … without gap. */
  roots: readonly MetadataFile[];
  targets: MetadataFile;
  snapshot: MetadataFile;
  timestamp: MetadataFile;
  blobs: readonly TargetBlob[];
}

export interface PublishedMetadata extends SignedOf {}

/** The four roles of a set, taken apart. Throws TufError. */
export function metadataOf(set: PublishedSet): PublishedMetadata {
  return {
    root: parseEnvelope(newestRoot(set).bytes, 'root').signed,
    targets: parseEnvelope(set.targets.bytes, 'targets').signed,
    snapshot: parseEnvelope(set.snapshot.bytes, 'snapshot').signed,
    timestamp: parseEnvelope(set.timestamp.bytes, 'timestamp').signed,
  };
}

export function newestRoot(set: PublishedSet): MetadataFile {
  const root = set.roots.at(-1);
  if (!root) throw new RangeError('a published set without a root');
  return root;
}

export function expiresMs(signed: AnySigned): number {
  return parseExpires(signed.expires) ?? 0;
}

/** Version and expiry of each role. */
export function roleStatus(metadata: PublishedMetadata): Record<RoleName, { version: number; expiresMs: number }> {
  const status = (role: RoleName): { version: number; expiresMs: number } => ({
    version: metadata[role].version,
    expiresMs: expiresMs(metadata[role]),
  });
  return {
    root: status('root'),
    targets: status('targets'),
    snapshot: status('snapshot'),
    timestamp: status('timestamp'),
  };
}

/** A set as a tree of files, the way it is served. */
export function viewOf(set: Omit<PublishedSet, 'model'>): RepositoryView {
  const files = new Map<string, Uint8Array>();
  for (const root of set.roots) files.set(metadataPath('root', root.version), root.bytes);
  for (const role of ROLES) {
    if (role !== 'root') files.set(metadataPath(role, set[role].version), set[role].bytes);
  }
  for (const { name, sha256, bytes } of set.blobs)
    files.set(targetPath(name, Buffer.from(sha256).toString('hex')), bytes);
  return (path) => files.get(path);
}
