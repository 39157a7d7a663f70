import { hash as oneShotHash } from 'node:crypto';
import {
  createTreeHasher,
  type GetNode,
  type GetTile,
  nodeFromTiles,
  type TileNodes,
  type TreeHasher,
  TreeEdge,
  tileWidth,
} from '../../src/index.ts';
import { NaiveTree, naiveLeafHash } from './naive.ts';

export const GOLDEN_LEAVES = 70000;

export const sha256 = (data: Uint8Array): Uint8Array => oneShotHash('sha256', data, 'buffer');
export const sha256Hex = (data: Uint8Array): string => oneShotHash('sha256', data, 'hex');
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const hasher: TreeHasher = createTreeHasher(sha256);

/** Leaf i of the golden tree is i in ASCII decimal. */
export const goldenLeaf = (index: number): Uint8Array => Buffer.from(String(index));

/** A hasher that counts, to show that something is looked up and not hashed. */
export function countingHasher(): { hasher: TreeHasher; count: () => number } {
  let hashes = 0;
  const counting = createTreeHasher((data) => {
    hashes++;
    return sha256(data);
  });
  const before = hashes;
  return { hasher: counting, count: () => hashes - before };
}

export interface GoldenTree {
  leafHashes: Uint8Array[];
  naive: NaiveTree;
  /** Final tiles of the tree of 70000, as the edge gave them out while it grew. */
  getTile: GetTile;
  /** Nodes of the golden tree of any size to 70000. */
  nodes(size: number): GetNode;
}

/** Builds the tree of 70000 leaves once, in uneven batches, through the edge, as a log would. */
export function buildGoldenTree(): GoldenTree {
  const leafHashes = Array.from({ length: GOLDEN_LEAVES }, (_, i) => naiveLeafHash(goldenLeaf(i)));
  const tiles = new Map<string, TileNodes>();
  let edge = TreeEdge.empty(hasher);
  for (let batch = 1; edge.size < GOLDEN_LEAVES; batch = ((batch * 7) % 1021) + 1) {
    const grown = edge.append(leafHashes.slice(edge.size, edge.size + batch));
    for (const tile of grown.fullTiles) tiles.set(`${tile.level}/${tile.index}`, tile.nodes);
    edge = grown.edge;
  }
  for (const tile of edge.partialTiles()) tiles.set(`${tile.level}/${tile.index}`, tile.nodes);
  const getTile: GetTile = (level, index) => tiles.get(`${level}/${index}`);
  return {
    leafHashes,
    naive: new NaiveTree(leafHashes),
    getTile,
    nodes: (size) => nodeFromTiles({ hasher, size, getTile }),
  };
}

/** The bytes a log of `size` would serve for a tile, cut from the final one; undefined if it has no such tile. */
export function servedTile(tree: GoldenTree, size: number, level: number, index: number): Uint8Array | undefined {
  const width = tileWidth({ level, index }, size);
  return width === 0
    ? undefined
    : tree
        .getTile(level, index, width)
        ?.bytes()
        .subarray(0, width * 32);
}

/** Uniform integers from a fixed seed, so that a failure comes back. */
export function seededIntegers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
