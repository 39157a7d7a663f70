/** Metadata of the four top-level roles. SPEC: TUF specification §4.2-4.6 */
export const ROLES = ['root', 'targets', 'snapshot', 'timestamp'] as const;
export type RoleName = (typeof ROLES)[number];

export const SPEC_VERSION = '1.0.31';

/** ECDSA P-256, the one kind of key that every client reads. The key's id is the hash of exactly these members. */
export interface TufKey {
  keytype: 'ecdsa';
  keyval: { public: string };
  scheme: 'ecdsa-sha2-nistp256';
}

export interface RoleKeys {
  keyids: string[];
  threshold: number;
}

interface SignedCommon {
  spec_version: string;
  version: number;
  /** `YYYY-MM-DDThh:mm:ssZ` */
  expires: string;
}

export interface RootSigned extends SignedCommon {
  _type: 'root';
  consistent_snapshot: true;
  keys: Record<string, TufKey>;
  roles: Record<RoleName, RoleKeys>;
}

export interface TargetEntry {
  length: number;
  hashes: { sha256: string };
  custom?: { sigstore: SigstoreCustom };
}

/** How clients of before the trusted root find keys. SPEC: sigstore root-signing, target custom metadata */
export interface SigstoreCustom {
  usage: 'Fulcio' | 'Rekor' | 'CTFE' | 'TSA';
  status: 'Active' | 'Expired';
  uri: string;
}

export interface TargetsSigned extends SignedCommon {
  _type: 'targets';
  targets: Record<string, TargetEntry>;
}

/** Versions only: no hash or length that could go stale. */
export interface SnapshotSigned extends SignedCommon {
  _type: 'snapshot';
  meta: { 'targets.json': { version: number } };
}

export interface TimestampSigned extends SignedCommon {
  _type: 'timestamp';
  meta: { 'snapshot.json': { version: number } };
}

export interface SignedOf {
  root: RootSigned;
  targets: TargetsSigned;
  snapshot: SnapshotSigned;
  timestamp: TimestampSigned;
}
export type AnySigned = SignedOf[RoleName];

export interface Signature {
  keyid: string;
  /** ASN.1 DER in hexadecimal. */
  sig: string;
}

export interface Envelope<R extends RoleName = RoleName> {
  signatures: Signature[];
  signed: SignedOf[R];
}

/** Most bytes that clients read of each. SPEC: python-tuf and go-tuf defaults */
export const MAX_METADATA_BYTES: Readonly<Record<RoleName, number>> = {
  root: 512_000,
  targets: 5_000_000,
  snapshot: 2_000_000,
  timestamp: 16_384,
};

/** Where clients look for it, below the metadata URL. SPEC: TUF specification §5.3-5.6 with consistent snapshots */
export function metadataPath(role: RoleName, version: number): string {
  return role === 'timestamp' ? 'timestamp.json' : `${version}.${role}.json`;
}

/** Where clients look for a target, below the metadata URL. SPEC: TUF specification §5.7 */
export function targetPath(name: string, sha256Hex: string): string {
  return `targets/${sha256Hex}.${name}`;
}
