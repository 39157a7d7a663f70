import { equalHashes, TILE_WIDTH, type TreeEdge, verifyInclusion } from '@sigstead/merkle';
import type { StoredHead } from '../core/ports.ts';
import { stateCovering } from './covering.ts';
import { DamagedRead } from './damaged.ts';
import type { ReadSources } from './log-reader.ts';

/**
 * Proof that an entry which was acknowledged, with this leaf hash, stands at `index`, under the newest published head or
 * an earlier one. It is verified before it is given out. Throws a DamagedRead when another leaf stands there, or none.
 */
export async function inclusion(
  log: ReadSources,
  index: number,
  leafHash: Uint8Array,
  under?: StoredHead,
): Promise<{ head: StoredHead; proof: Uint8Array[] }> {
  const state = await stateCovering(log, under?.size ?? index + 1, () => misplaced(log, index));
  const { edge } = state;
  const head = under ?? state.head;
  await checkLeaf(log, edge, index, leafHash);
  const proof = await log.tiles.inclusionProof(edge, head.size, index);
  verifyInclusion({ hasher: log.hasher, index, size: head.size, leafHash, proof, root: head.root });
  return { head, proof };
}

/** An index that the store gave is believed when the tree has that very hash there. */
export async function checkLeaf(log: ReadSources, edge: TreeEdge, index: number, leafHash: Uint8Array): Promise<void> {
  const tile = await log.tiles.tile(edge, 0, Math.floor(index / TILE_WIDTH));
  if (tile !== undefined && equalHashes(tile.node(0, index % TILE_WIDTH), leafHash)) return;
  throw misplaced(log, index);
}

function misplaced({ observer }: ReadSources, index: number): DamagedRead {
  const text = `the stored index of a leaf hash is ${index}, where another leaf stands, or none`;
  const error = new DamagedRead(text, { contradicts: true });
  observer?.damaged(error);
  return error;
}
