import { MerkleError } from './errors.ts';
import type { NodeId } from './nodes.ts';
import { perfectParts } from './nodes.ts';
import { checkSize, pow2, shiftRight } from './numbers.ts';
import { consistencyNodes, inclusionNodes } from './proofs.ts';

/** Levels of the tree that one tile spans. SPEC: C2SP tlog-tiles, Merkle tree. */
export const TILE_HEIGHT = 8;
/** Hashes in the bottom row of a full tile, and entries in a full bundle. */
export const TILE_WIDTH = 256;
/** Highest tile level a path can name. SPEC: C2SP tlog-tiles: L is 0 to 63. */
export const MAX_TILE_LEVEL = 63;

/** One tile, with its width (1 to 256) in the tree at hand. */
export interface TileId {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

/** Where a perfect node lies: a tile, and level (0 to 7) and index inside it. */
export interface TilePosition {
  readonly level: number;
  readonly index: number;
  readonly levelInTile: number;
  readonly indexInTile: number;
}

/** Throws `bad_tile_coordinate` unless `level` is an integer from 0 to 63. */
export function checkTileLevel(level: number): void {
  if (!Number.isInteger(level) || level < 0 || level > MAX_TILE_LEVEL) {
    throw new MerkleError('bad_tile_coordinate', `tile level ${level} is not within 0..${MAX_TILE_LEVEL}`);
  }
}

/** Throws `bad_tile_coordinate` unless `index` is an integer from 0 to Number.MAX_SAFE_INTEGER. */
export function checkTileIndex(index: number): void {
  if (!Number.isSafeInteger(index) || index < 0) {
    throw new MerkleError('bad_tile_coordinate', `tile index ${index} is no tile index`);
  }
}

/** How many full tiles a tree of `size` has on a tile level. Throws `size_out_of_range`, `bad_tile_coordinate`. */
export function fullTileCount(level: number, size: number): number {
  checkSize(size);
  checkTileLevel(level);
  return shiftRight(size, TILE_HEIGHT * (level + 1));
}

/**
 * Width of the partial tile on a tile level in a tree of `size`; 0 if there is none.
 * SPEC: C2SP tlog-tiles: floor(s / 256^l) mod 256. Throws `size_out_of_range`, `bad_tile_coordinate`.
 */
export function partialTileWidth(level: number, size: number): number {
  checkSize(size);
  checkTileLevel(level);
  return shiftRight(size, TILE_HEIGHT * level) % TILE_WIDTH;
}

/**
 * Width of one tile in a tree of `size`: 256 full, 1 to 255 partial, 0 when this tree has no such tile. On level 0
 * also the count of entries in the bundle of that index. Throws `size_out_of_range`, `bad_tile_coordinate`.
 */
export function tileWidth(tile: { level: number; index: number }, size: number): number {
  checkTileIndex(tile.index);
  const full = fullTileCount(tile.level, size);
  if (tile.index < full) return TILE_WIDTH;
  return tile.index === full ? partialTileWidth(tile.level, size) : 0;
}

/** Per tile level, from 0 up, the tiles a tree of `size` has: 0..fullTiles−1 and, if partialWidth > 0, one more. */
export function tilesForSize(size: number): { level: number; fullTiles: number; partialWidth: number }[] {
  checkSize(size);
  const levels: { level: number; fullTiles: number; partialWidth: number }[] = [];
  for (let level = 0; shiftRight(size, TILE_HEIGHT * level) > 0; level++) {
    levels.push({ level, fullTiles: fullTileCount(level, size), partialWidth: partialTileWidth(level, size) });
  }
  return levels;
}

/** The tile that holds a perfect node, and the place in it. A tile's own root lies in the tile above it. */
export function tileOfNode(node: NodeId): TilePosition {
  const level = Math.floor(node.level / TILE_HEIGHT);
  const levelInTile = node.level % TILE_HEIGHT;
  const nodesPerTile = pow2(TILE_HEIGHT - levelInTile);
  return {
    level,
    index: Math.floor(node.index / nodesPerTile),
    levelInTile,
    indexInTile: node.index % nodesPerTile,
  };
}

/**
 * The tiles, each once, with their width in the tree of `size`, that hold the nodes (ragged ones by their parts): what
 * to load before a proof is made. Throws `size_out_of_range`, `index_out_of_range`.
 */
export function tilesOfNodes(nodes: readonly NodeId[], size: number): TileId[] {
  const tiles = new Map<string, TileId>();
  for (const part of nodes.flatMap((node) => perfectParts(node, size))) {
    const { level, index } = tileOfNode(part);
    tiles.set(`${level}/${index}`, { level, index, width: tileWidth({ level, index }, size) });
  }
  return [...tiles.values()];
}

/** The tiles of the tree of `size` that an inclusion proof of leaf `index` reads. Errors as inclusionNodes. */
export function tilesForInclusion(size: number, index: number): TileId[] {
  return tilesOfNodes(inclusionNodes(size, index), size);
}

/** The tiles of the tree of `size2` that a consistency proof from `size1` reads. Errors as consistencyNodes. */
export function tilesForConsistency(size1: number, size2: number): TileId[] {
  return tilesOfNodes(consistencyNodes(size1, size2), size2);
}
