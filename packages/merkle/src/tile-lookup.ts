import { MerkleError } from './errors.ts';
import type { TreeHasher } from './hasher.ts';
import { type GetNode, treeNodes } from './nodes.ts';
import type { TileNodes } from './tile-nodes.ts';
import { tileOfNode, tileWidth } from './tiles.ts';

/**
 * Gives a tile that is already at hand, or undefined. `width` is what the tree of the given size has; a wider one
 * (a later partial, or the full tile) serves as well, because perfect nodes never change.
 */
export type GetTile = (level: number, index: number, width: number) => TileNodes | undefined;

/**
 * A lookup of every node, perfect or ragged, of the tree of `size`, answered from tiles. Load first what
 * tilesForInclusion or tilesForConsistency names. Keeps ragged nodes: make it once per size, use it for many proofs.
 * The lookup throws `index_out_of_range` outside the tree, `node_missing` when getTile has no answer, `bad_tile` when
 * it answers with a tile that is too narrow.
 */
export function nodeFromTiles(options: { hasher: TreeHasher; size: number; getTile: GetTile }): GetNode {
  const { hasher, size, getTile } = options;
  return treeNodes({
    hasher,
    size,
    perfectNode(nodeLevel, nodeIndex) {
      const { level, index, levelInTile, indexInTile } = tileOfNode({ level: nodeLevel, index: nodeIndex });
      const tile = getTile(level, index, tileWidth({ level, index }, size));
      if (tile === undefined) throw new MerkleError('node_missing', `tile ${index} of level ${level} is not at hand`);
      if (!tile.has(levelInTile, indexInTile)) {
        throw new MerkleError('bad_tile', `tile ${index} of level ${level} is too narrow: ${tile.width}`);
      }
      return tile.node(levelInTile, indexInTile);
    },
  });
}
