import { MerkleError } from './errors.ts';
import { checkHash, equalHashes, HASH_SIZE, type TreeHasher } from './hasher.ts';
import { decompose, type GetNode, rootFromNodes } from './nodes.ts';
import { checkSize } from './numbers.ts';
import { nodeFromTiles } from './tile-lookup.ts';
import { TileNodes } from './tile-nodes.ts';
import { fullTileCount, partialTileWidth, TILE_HEIGHT, TILE_WIDTH, type TileId, tilesForSize } from './tiles.ts';

/** A tile with its place in the tree and its nodes. */
export interface PlacedTile extends TileId {
  readonly nodes: TileNodes;
}

/** What a batch of leaves made of an edge. The edge it came from is unchanged. */
export interface GrownEdge {
  readonly edge: TreeEdge;
  /** Tiles that became full, level by level, left to right: to be stored, never to change again. */
  readonly fullTiles: readonly PlacedTile[];
  /**
   * Nodes of the grown tree, enough for the inclusion proof of every leaf of the batch and for the consistency proof
   * from the size before it. Throws `node_missing` for nodes in older tiles.
   */
  readonly getNode: GetNode;
}

/**
 * The rightmost partial tile of every level: all a log needs to grow. Immutable, so a log that cannot commit its batch
 * drops the grown edge and still holds the true one. Work and memory depend on the batch and on the number of tile
 * levels (7 at most), not on the size of the tree.
 */
export class TreeEdge {
  readonly size: number;
  readonly #hasher: TreeHasher;
  /** By tile level; undefined where the level ends in a full tile (partial width 0). */
  readonly #partials: readonly (TileNodes | undefined)[];
  #root: Uint8Array | undefined;

  private constructor(hasher: TreeHasher, size: number, partials: readonly (TileNodes | undefined)[]) {
    this.#hasher = hasher;
    this.size = size;
    this.#partials = partials;
  }

  /** The edge of the tree without leaves. */
  static empty(hasher: TreeHasher): TreeEdge {
    return new TreeEdge(hasher, 0, []);
  }

  /**
   * Restores an edge from stored bytes and proves it against the root that was signed. `partials[l]` holds the hashes
   * of the partial tile of level l, no bytes where its width is 0; levels above the tree are left out.
   * Throws `size_out_of_range`, `bad_tile` when a level or a width is wrong, `root_mismatch`.
   */
  static restore(options: {
    hasher: TreeHasher;
    size: number;
    partials: readonly Uint8Array[];
    root: Uint8Array;
  }): TreeEdge {
    const { hasher, size, partials, root } = options;
    const levels = tilesForSize(size);
    if (levels.length !== partials.length) {
      throw new MerkleError('bad_tile', `size ${size} has ${levels.length} tile levels, not ${partials.length}`);
    }
    const tiles = levels.map(({ level, partialWidth }) => {
      const bytes = partials[level] ?? new Uint8Array(0);
      if (bytes.length !== partialWidth * HASH_SIZE) {
        throw new MerkleError('bad_tile', `partial tile of level ${level} has ${bytes.length} bytes at size ${size}`);
      }
      return partialWidth === 0 ? undefined : TileNodes.from(hasher, bytes);
    });
    const edge = new TreeEdge(hasher, size, tiles);
    if (!equalHashes(edge.root(), root)) {
      throw new MerkleError('root_mismatch', `the stored edge of size ${size} has another root`);
    }
    return edge;
  }

  /** Root of the tree, a copy. */
  root(): Uint8Array {
    if (this.size === 0) return this.#hasher.empty();
    this.#root ??= rootFromNodes(this.size, this.#getNode());
    return new Uint8Array(this.#root);
  }

  /** The partial tile of one level, if it has any hash. */
  partial(level: number): PlacedTile | undefined {
    const nodes = this.#partials[level];
    if (nodes === undefined) return undefined;
    return { level, index: fullTileCount(level, this.size), width: nodes.width, nodes };
  }

  /** All partial tiles, from level 0 up. */
  partialTiles(): PlacedTile[] {
    return this.#partials.flatMap((_, level) => this.partial(level) ?? []);
  }

  /** What `restore` wants: one byte string per level, empty where the width is 0. */
  partialBytes(): Uint8Array[] {
    return this.#partials.map((nodes) => nodes?.bytes() ?? new Uint8Array(0));
  }

  /** The hashes of the compact range [0, size), left to right (see CompactRange.from). */
  compactHashes(): Uint8Array[] {
    const getNode = this.#getNode();
    return decompose(0, this.size).map(({ level, index }) => getNode(level, index));
  }

  /** Adds a batch of leaf hashes, in order. Throws `size_out_of_range`, `bad_hash_length`. */
  append(leafHashes: readonly Uint8Array[]): GrownEdge {
    const size = this.size + leafHashes.length;
    checkSize(size);
    const levels = tilesForSize(size).length;
    const rows: TileRow[] = [];
    let added = joined(leafHashes);
    for (let level = 0; level < levels; level++) {
      const tiles = this.#fill(level, added);
      rows.push({ first: fullTileCount(level, this.size), tiles });
      added = joined(tiles.filter(isFull).map((nodes) => nodes.node(TILE_HEIGHT, 0)));
    }
    const partials = rows.map(({ tiles }) => tiles.find((nodes) => !isFull(nodes)));
    const edge = new TreeEdge(this.#hasher, size, partials);
    return { edge, fullTiles: fullTilesOf(rows), getNode: rowNodes(this.#hasher, size, rows) };
  }

  /** The tiles of a level that hold the old partial one and the new row: full ones, then at most one partial. */
  #fill(level: number, row: Uint8Array): TileNodes[] {
    const open = this.#partials[level];
    const room = (TILE_WIDTH - partialTileWidth(level, this.size)) * HASH_SIZE;
    const tiles: TileNodes[] = [];
    let at = 0;
    if (open !== undefined) {
      tiles.push(row.length === 0 ? open : open.extended(row.subarray(0, room)));
      at = Math.min(room, row.length);
    }
    for (; at < row.length; at += TILE_WIDTH * HASH_SIZE) {
      tiles.push(TileNodes.from(this.#hasher, row.subarray(at, at + TILE_WIDTH * HASH_SIZE)));
    }
    return tiles;
  }

  #getNode(): GetNode {
    const rows = this.#partials.map((nodes, level) => ({
      first: fullTileCount(level, this.size),
      tiles: nodes === undefined ? [] : [nodes],
    }));
    return rowNodes(this.#hasher, this.size, rows);
  }
}

/** Neighbouring tiles of one level, the first at index `first`; all are full but perhaps the last. */
interface TileRow {
  readonly first: number;
  readonly tiles: readonly TileNodes[];
}

function isFull(nodes: TileNodes): boolean {
  return nodes.width === TILE_WIDTH;
}

function fullTilesOf(rows: readonly TileRow[]): PlacedTile[] {
  return rows.flatMap(({ first, tiles }, level) =>
    tiles.filter(isFull).map((nodes, i) => ({ level, index: first + i, width: TILE_WIDTH, nodes })),
  );
}

function rowNodes(hasher: TreeHasher, size: number, rows: readonly TileRow[]): GetNode {
  return nodeFromTiles({
    hasher,
    size,
    getTile(level, index) {
      const row = rows[level];
      return row?.tiles[index - row.first];
    },
  });
}

function joined(hashes: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(hashes.length * HASH_SIZE);
  hashes.forEach((hash, i) => {
    checkHash(hash, 'leaf hash');
    bytes.set(hash, i * HASH_SIZE);
  });
  return bytes;
}
