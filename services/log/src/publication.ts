import type { TreeEdge } from '@sigstead/merkle';
import type { StoredHead } from './core/ports.ts';
import type { Tree } from './engine/tree.ts';
import type { LogReader } from './read/log-reader.ts';
import { withSignal } from './read/patience.ts';

/** A head that may be shown, with the note that may be shown for it. */
export interface Shown {
  readonly head: StoredHead;
  /** Of a tree that contains the head's: as large, or larger. Proofs for `head.size` are made of it. */
  readonly edge: TreeEdge;
}

/**
 * What a log shows of its tree, the same for answers, checkpoints, exports and search. It only grows, over all processes.
 * Without witnesses that is what is committed and marked, at once; with them, what was published after they were asked.
 */
export interface Publication {
  /** False: what a batch's receipt says may be answered as it is. */
  readonly isWitnessed: boolean;
  /** What may be shown as far as this process knows; undefined while nothing may. Throws `halted` as Tree.published. */
  readonly shown: Shown | undefined;
  /** Throws `queue_full` when as many wait for a publication as may. Asked before an entry is appended. */
  checkRoom(): void;
  /** The newest; looks for that of other processes as checkpointAgeMs says. Throws `unavailable` when there is none to be had. */
  newest(nowMs: number): Promise<Shown>;
  /**
   * The newest that holds the entry `index`, which is in the tree: waits for it. Throws `unavailable` when the time for it
   * is over (the entry stays in the log, so asking again finds it), `queue_full`, or the signal's reason.
   */
  covering(index: number, signal?: AbortSignal): Promise<Shown>;
  /** Proof of such an entry, with this leaf hash, under that head; verified. Throws as covering(), and DamagedRead. */
  inclusion(
    index: number,
    leafHash: Uint8Array,
    signal?: AbortSignal,
  ): Promise<{ head: StoredHead; proof: Uint8Array[] }>;
  /** Takes over everything that was published anywhere before the call. */
  catchUp(): Promise<void>;
  /** The same, when a look without a lock finds that there is something. */
  catchUpIfBehind(): Promise<void>;
  /** Why nothing is published, for readiness. */
  trouble(): string | undefined;
}

/** A log without witnesses shows its published tree. */
export function plainPublication({ tree, reader }: { tree: Tree; reader: LogReader }): Publication {
  return {
    isWitnessed: false,
    get shown() {
      return tree.published;
    },
    checkRoom: () => undefined,
    async newest(nowMs) {
      await reader.checkpoint(nowMs);
      return tree.published;
    },
    async covering(index, signal) {
      const covered = reader.covering(index);
      return signal === undefined ? covered : withSignal(covered, signal);
    },
    inclusion(index, leafHash, signal) {
      const proven = reader.inclusion(index, leafHash);
      return signal === undefined ? proven : withSignal(proven, signal);
    },
    catchUp: () => tree.catchUp(),
    catchUpIfBehind: () => tree.catchUpIfBehind(),
    trouble: () => undefined,
  };
}
