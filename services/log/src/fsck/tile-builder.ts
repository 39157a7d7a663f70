import {
  HASH_SIZE,
  nodeFromTiles,
  rootFromNodes,
  TILE_HEIGHT,
  TILE_WIDTH,
  TileNodes,
  tilesForSize,
  type TreeHasher,
} from '@sigstead/merkle';

interface OpenTile {
  index: number;
  width: number;
  readonly bytes: Uint8Array;
}

/**
 * Builds the tiles of a tree from its leaf hashes, a bundle at a time, and holds no more than one open tile for each
 * level. A full tile is handed out before its root goes up, and what comes back goes up instead of it: a checker that
 * found a fault goes on with the hash the rest of the tree has.
 */
export class TileBuilder {
  readonly #hasher: TreeHasher;
  readonly #onFull: (tile: { level: number; index: number; bytes: Uint8Array }) => Promise<Uint8Array>;
  readonly #open: OpenTile[] = [];
  #size = 0;

  constructor(
    hasher: TreeHasher,
    onFull: (tile: { level: number; index: number; bytes: Uint8Array }) => Promise<Uint8Array>,
  ) {
    this.#hasher = hasher;
    this.#onFull = onFull;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds the level-0 tile that comes next; only the last one may be partial. It is not handed to onFull. */
  async append(leafTile: Uint8Array): Promise<void> {
    const width = leafTile.length / HASH_SIZE;
    this.#size += width;
    if (width < TILE_WIDTH) this.#at(0).bytes.set(leafTile);
    if (width < TILE_WIDTH) this.#at(0).width = width;
    else {
      this.#at(0).index += 1;
      await this.#push(1, tileRoot(this.#hasher, leafTile));
    }
  }

  async #push(level: number, hash: Uint8Array): Promise<void> {
    const tile = this.#at(level);
    tile.bytes.set(hash, tile.width * HASH_SIZE);
    tile.width += 1;
    if (tile.width < TILE_WIDTH) return;
    const accepted = await this.#onFull({ level, index: tile.index, bytes: tile.bytes.slice() });
    tile.index += 1;
    tile.width = 0;
    await this.#push(level + 1, tileRoot(this.#hasher, accepted));
  }

  #at(level: number): OpenTile {
    this.#open[level] ??= { index: 0, width: 0, bytes: new Uint8Array(TILE_WIDTH * HASH_SIZE) };
    return this.#open[level];
  }

  /** The hashes of a level's open tile, a copy; no bytes where the level ends in a full one. */
  partial(level: number): Uint8Array {
    const tile = this.#open[level];
    return tile === undefined ? new Uint8Array(0) : tile.bytes.slice(0, tile.width * HASH_SIZE);
  }

  /** Root of a tree that ends before the end of the level-0 tile that comes next. */
  rootWithin(leafTile: Uint8Array, size: number): Uint8Array {
    const width = size - this.#size;
    const partials = tilesForSize(size).map(({ level }) =>
      level === 0 ? leafTile.subarray(0, width * HASH_SIZE) : this.partial(level),
    );
    return rootOfEdge(this.#hasher, size, partials);
  }

  /** Root of the tree so far, or of what it would be with other open tiles on some levels. */
  root(instead: ReadonlyMap<number, Uint8Array> = new Map()): Uint8Array {
    return rootOfEdge(
      this.#hasher,
      this.#size,
      tilesForSize(this.#size).map(({ level }) => instead.get(level) ?? this.partial(level)),
    );
  }
}

/** Root of a full tile: its hash in the tile above. */
export function tileRoot(hasher: TreeHasher, bytes: Uint8Array): Uint8Array {
  return TileNodes.from(hasher, bytes).node(TILE_HEIGHT, 0);
}

/** Root of a tree of `size` from the partial tile of each level, each of the width that size gives it. */
function rootOfEdge(hasher: TreeHasher, size: number, partials: readonly Uint8Array[]): Uint8Array {
  if (size === 0) return hasher.empty();
  const tiles = partials.map((bytes) => (bytes.length === 0 ? undefined : TileNodes.from(hasher, bytes)));
  return rootFromNodes(size, nodeFromTiles({ hasher, size, getTile: (level) => tiles[level] }));
}
