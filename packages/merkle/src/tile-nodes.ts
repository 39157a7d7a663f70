import { MerkleError } from './errors.ts';
import { HASH_SIZE, type TreeHasher } from './hasher.ts';
import { TILE_HEIGHT, TILE_WIDTH } from './tiles.ts';

/** Nodes in a full tile: its 256 hashes, what lies above them, and its root. */
const NODE_COUNT = 2 * TILE_WIDTH - 1;

/**
 * One tile and the nodes inside it. An interior node is hashed when it is first asked for and kept, so proofs in a hot
 * tile cost lookups. To its users a tile never changes: a wider one is another object that inherits what is known.
 * Takes 17 KiB whatever its width.
 */
export class TileNodes {
  readonly width: number;
  readonly #hasher: TreeHasher;
  /** Level by level: the bottom row in slots 0 to 255, level 1 from slot 256, the root of the tile in slot 510. */
  readonly #hashes: Uint8Array;
  /** 1 where #hashes holds the slot's hash. */
  readonly #known: Uint8Array;

  private constructor(hasher: TreeHasher, width: number, hashes: Uint8Array, known: Uint8Array) {
    this.#hasher = hasher;
    this.width = width;
    this.#hashes = hashes;
    this.#known = known;
  }

  /** From the bytes of a tile: 1 to 256 hashes, copied. Throws `bad_tile` for any other length. */
  static from(hasher: TreeHasher, bytes: Uint8Array): TileNodes {
    const width = widthOf(bytes);
    if (width === 0) throw new MerkleError('bad_tile', 'a tile has at least one hash');
    const hashes = new Uint8Array(NODE_COUNT * HASH_SIZE);
    const known = new Uint8Array(NODE_COUNT);
    hashes.set(bytes);
    known.fill(1, 0, width);
    return new TileNodes(hasher, width, hashes, known);
  }

  /** A tile with `bytes` (whole hashes) behind those of this one. Throws `bad_tile` if they are not, or too many. */
  extended(bytes: Uint8Array): TileNodes {
    const added = widthOf(bytes);
    const width = this.width + added;
    if (width > TILE_WIDTH) throw new MerkleError('bad_tile', `${width} hashes do not fit into a tile`);
    const hashes = this.#hashes.slice();
    const known = this.#known.slice();
    hashes.set(bytes, this.width * HASH_SIZE);
    known.fill(1, this.width, width);
    return new TileNodes(this.#hasher, width, hashes, known);
  }

  /** A copy of the bottom row: the bytes a log serves for this tile. */
  bytes(): Uint8Array {
    return this.#hashes.slice(0, this.width * HASH_SIZE);
  }

  /**
   * A copy of one node: level 0 is the bottom row, level 8 the root of a full tile. Throws `index_out_of_range` unless
   * all leaves of the node are within the width.
   */
  node(levelInTile: number, indexInTile: number): Uint8Array {
    const start = this.#slot(levelInTile, indexInTile) * HASH_SIZE;
    return this.#hashes.slice(start, start + HASH_SIZE);
  }

  /** Whether the tile is wide enough for this node. */
  has(levelInTile: number, indexInTile: number): boolean {
    const levelOk = Number.isInteger(levelInTile) && levelInTile >= 0 && levelInTile <= TILE_HEIGHT;
    // Inside a tile numbers stay below 512, so shifts of 32 bits are safe here.
    return levelOk && Number.isInteger(indexInTile) && indexInTile >= 0 && indexInTile < this.width >> levelInTile;
  }

  /** The slot of a node, its hash in place. Recursion is at most 8 deep. */
  #slot(level: number, index: number): number {
    if (!this.has(level, index)) {
      throw new MerkleError(
        'index_out_of_range',
        `no node ${index} on level ${level} of a tile of width ${this.width}`,
      );
    }
    const slot = 2 * TILE_WIDTH - ((2 * TILE_WIDTH) >> level) + index;
    if (this.#known[slot] === 0) {
      const left = this.#view(this.#slot(level - 1, 2 * index));
      const right = this.#view(this.#slot(level - 1, 2 * index + 1));
      this.#hashes.set(this.#hasher.node(left, right), slot * HASH_SIZE);
      this.#known[slot] = 1;
    }
    return slot;
  }

  #view(slot: number): Uint8Array {
    return this.#hashes.subarray(slot * HASH_SIZE, (slot + 1) * HASH_SIZE);
  }
}

function widthOf(bytes: Uint8Array): number {
  if (bytes.length % HASH_SIZE !== 0 || bytes.length > TILE_WIDTH * HASH_SIZE) {
    throw new MerkleError('bad_tile', `${bytes.length} bytes are no tile`);
  }
  return bytes.length / HASH_SIZE;
}
