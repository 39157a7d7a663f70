export { CompactRange } from './compact-range.ts';
export { MerkleError, type MerkleErrorCode } from './errors.ts';
export { createTreeHasher, equalHashes, HASH_SIZE, type HashFn, type TreeHasher } from './hasher.ts';
export {
  decompose,
  type GetNode,
  type GetPerfectNode,
  type NodeId,
  perfectParts,
  rootFromNodes,
  treeNodes,
} from './nodes.ts';
export { consistencyNodes, consistencyProof, inclusionNodes, inclusionProof } from './proofs.ts';
export { proveRange } from './range-proofs.ts';
export { type GetTile, nodeFromTiles } from './tile-lookup.ts';
export { TileNodes } from './tile-nodes.ts';
export { entryBundlePath, parseTilePath, type TilePath, tilePath } from './tile-paths.ts';
export {
  fullTileCount,
  partialTileWidth,
  TILE_HEIGHT,
  TILE_WIDTH,
  type TileId,
  type TilePosition,
  tileOfNode,
  tilesForConsistency,
  tilesForInclusion,
  tilesForSize,
  tilesOfNodes,
  tileWidth,
} from './tiles.ts';
export { type GrownEdge, type PlacedTile, TreeEdge } from './tree-edge.ts';
export {
  type ConsistencyClaim,
  type InclusionClaim,
  rootFromInclusionProof,
  verifyConsistency,
  verifyInclusion,
} from './verify.ts';
