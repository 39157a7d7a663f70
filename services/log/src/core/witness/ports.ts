import type { StoredHead } from '../ports.ts';

/** A head that may be shown, with the note that may be shown for it. */
export interface PublishedHead extends StoredHead {
  /** Whether the note carries a quorum of cosignatures. False: it was published without, since the time was up. */
  quorum: boolean;
}

/** A publication to be made of a note that stands, or of a new one above it. */
export interface NewPublication {
  size: number;
  root: Uint8Array;
  /** Newest note of that head when the witnesses were asked. Another one since then: the publication is overtaken. */
  ordinal: number;
  /** The note with its cosignatures, stored above that one; undefined publishes that one as it is. */
  note: Uint8Array | undefined;
  quorum: boolean;
  timestampMs: number;
}

/** What a witness said against the log. */
export interface Evidence {
  /** As the policy names it. */
  witness: string;
  /** For the operator. */
  detail: string;
  /** The note that it was asked about. */
  checkpoint: Uint8Array;
  /** Its answer's body, as it came. */
  answer: Uint8Array;
  timestampMs: number;
}

/**
 * Publications of one log. The newest is the one with the largest size and, of that size, the largest ordinal; a later one
 * is always newer. Every error is a StoreError or LogError; methods may run in parallel.
 */
export interface PublicationStore {
  /** The newest, read without a lock: a hint that settle() is worth it, never to be shown. Errors: lost. */
  peek(): Promise<{ size: number; ordinal: number } | undefined>;
  /** The newest, read so that it can be believed: behind the log's lock, its COMMIT acknowledged. Errors: any. */
  settle(): Promise<PublishedHead | undefined>;
  /**
   * Resolves when the publication is durable; to undefined when it was overtaken: a newer one stands, or the head has
   * another note by now. Errors: refused, lost (nothing is stored), unknown (settle() tells).
   */
  publish(publication: NewPublication): Promise<PublishedHead | undefined>;
  /** Keeps it unless it is there already, or too many are. Resolves to whether it was new. Errors: any. */
  keep(evidence: Evidence): Promise<boolean>;
  close(): Promise<void>;
}
