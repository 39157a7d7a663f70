import { parseNote } from '@sigstead/formats';
import { type TreeHasher, verifyConsistency } from '@sigstead/merkle';
import type { LogState } from '../core/state.ts';
import type { TileSource } from '../read/tile-source.ts';

/** One checkpoint that witnesses are asked about: committed, marked, and with no line of theirs in its note. */
export interface Target {
  readonly state: LogState;
  readonly note: Uint8Array;
  /** What is cosigned. */
  readonly text: string;
  /** Proof from that size, verified; empty from 0 and from the checkpoint's own. Throws what the tile source throws. */
  proofFrom(size: number): Promise<readonly Uint8Array[]>;
}

/** The witnesses of one round mostly know the same size: each proof is made once. */
export function targetOf(options: {
  state: LogState;
  note: Uint8Array;
  tiles: TileSource;
  hasher: TreeHasher;
}): Target {
  const { state, note, tiles, hasher } = options;
  const { head, edge } = state;
  const proofs = new Map<number, Promise<readonly Uint8Array[]>>();

  async function proven(size: number): Promise<readonly Uint8Array[]> {
    if (size === 0 || size === head.size) return [];
    const [root, proof] = await Promise.all([tiles.rootAt(edge, size), tiles.consistencyProof(edge, size, head.size)]);
    verifyConsistency({ hasher, size1: size, size2: head.size, root1: root, root2: head.root, proof });
    return proof;
  }

  return {
    state,
    note,
    text: parseNote(Buffer.from(note).toString('utf8')).text,
    proofFrom(size) {
      const proof = proofs.get(size) ?? proven(size);
      proofs.set(size, proof);
      return proof;
    },
  };
}
