import type { RoleName } from './metadata.ts';
import type { PublishedMetadata, PublishedSet, TargetBlob } from './published.ts';

/** What one publication adds to what is stored, and which versions clients see from then on. */
export interface Publication {
  /** One higher than the set it was made from; 1 for the first. */
  sequence: number;
  publishedAtMs: number;
  model: Uint8Array;
  /** New versions only. */
  files: readonly { role: RoleName; version: number; bytes: Uint8Array }[];
  versions: Readonly<Record<RoleName, number>>;
  /** The files that the targets role names; those already stored are passed over. */
  blobs: readonly TargetBlob[];
}

/**
 * Where publications live. Rows are only ever added. Any number of publishers may share one store.
 */
export interface PublicationStore {
  /**
   * The newest publication, whole, or undefined before the first. What it returns survives a crash of the database. Throws when the store
   * cannot be reached; the caller retries.
   */
  load(): Promise<PublishedSet | undefined>;
  /** Number of the newest publication, 0 before the first. A hint: it may be ahead of what is durable. */
  newestSequence(): Promise<number>;
  /**
   * Adds a publication in one step: on return of `published` it is durable and seen by every reader, on `lost` nothing was kept, because
   * another publisher used the sequence or one of the versions, or lowering a version was tried. A throw leaves the outcome open: load again.
   */
  publish(publication: Publication): Promise<'published' | 'lost'>;
  /** One version of one role that was ever published. */
  metadata(role: RoleName, version: number): Promise<Uint8Array | undefined>;
  /** One target that was ever published. */
  target(name: string, sha256: Uint8Array): Promise<Uint8Array | undefined>;
  /** The store's own clock, to compare ours with. Milliseconds since 1970. */
  clockMs(): Promise<number>;
}

/** Calls once after a delay; who owns the handle cancels it. */
export interface Scheduler {
  after(delayMs: number, action: () => void): { cancel(): void };
}

/** What the publisher tells of itself. */
export interface TufMetrics {
  published(metadata: PublishedMetadata): void;
  renewed(roles: readonly RoleName[]): void;
  overdue(roles: readonly RoleName[]): void;
  failed(): void;
  failing(is: boolean): void;
  clockSkew(seconds: number): void;
}
