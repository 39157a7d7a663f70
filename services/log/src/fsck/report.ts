/**
 * What can be wrong with a published tree:
 * - `checkpoint`  missing, unreadable, malformed, or of another origin
 * - `signature`   the checkpoint's signature does not verify with the key given
 * - `missing`     a tile or bundle that the checkpoint's size requires is not there
 * - `unreadable`  it is there, or may be, but cannot be had: too large, refused, an error of the disk
 * - `malformed`   a tile or bundle of another form or length than its place requires
 * - `entry`       an entry does not hash to what the tree has at its index
 * - `tile`        a tile does not hold the hashes of what lies below it
 * - `subtree`     entries and tiles agree below this point, and with the checkpoint above it, but not with each other
 * - `root`        the root derived from all entries is not the checkpoint's
 * - `note`        another note of the log does not verify, or is of another tree
 * - `unreachable` the source stopped answering: nothing can be said about the rest
 */
export type TreeProblemCode =
  | 'checkpoint'
  | 'signature'
  | 'missing'
  | 'unreadable'
  | 'malformed'
  | 'entry'
  | 'tile'
  | 'subtree'
  | 'root'
  | 'note'
  | 'unreachable';

export interface TreeProblem {
  readonly code: TreeProblemCode;
  /** Path below the log's root, such as `tile/0/001`. */
  readonly resource: string;
  /** First entry concerned, counted from 0 over the whole log. */
  readonly entry?: number;
  /** Place of the first bad hash within a tile. */
  readonly slot?: number;
  /** Hex. What the rest of the tree requires in this place. */
  readonly expected?: string;
  /** Hex. What was found there. */
  readonly found?: string;
  /** One sentence for the operator. Holds no bytes of the log but hashes. */
  readonly text: string;
}

export interface TreeReport {
  readonly source: string;
  /**
   * `ok`: every entry, tile and bundle of the checkpoint's size was read and leads to its root. `empty`: a sound
   * checkpoint of size 0, so nothing was checked. `bad`: anything else.
   */
  readonly outcome: 'ok' | 'empty' | 'bad';
  /** Whether the check went through to the end, whatever it found. */
  readonly complete: boolean;
  readonly origin?: string;
  readonly size?: number;
  /** Hex, of the checkpoint. */
  readonly root?: string;
  readonly signature: 'verified' | 'not checked' | 'bad';
  readonly checked: TreeCounts;
  /** The first comes first; at most MAX_PROBLEMS. */
  readonly problems: readonly TreeProblem[];
}

export interface TreeCounts {
  entries: number;
  bundles: number;
  tiles: number;
  /** Earlier, narrower forms of tiles and bundles that a folder still holds. */
  olderForms: number;
  /** Other notes of the log than its checkpoint. */
  notes: number;
  bytes: number;
}

/** The check ends when it has found so many. */
export const MAX_PROBLEMS = 100;

/** Where a running check is. */
export interface FsckProgress {
  readonly entries: number;
  readonly total: number;
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
