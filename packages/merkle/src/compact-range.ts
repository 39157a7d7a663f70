import { MerkleError } from './errors.ts';
import { checkHash, type TreeHasher } from './hasher.ts';
import { decompose, type NodeId } from './nodes.ts';
import { checkSize, isOdd } from './numbers.ts';

interface RangeNode extends NodeId {
  readonly hash: Uint8Array;
}

/**
 * The fewest perfect nodes that stand for the leaves [begin, end): what is left to remember of a tree when only its
 * root and its growth matter. Ranges that meet can be merged in any grouping. Mutable; `clone()` before trying.
 */
export class CompactRange {
  readonly #hasher: TreeHasher;
  readonly #begin: number;
  #end: number;
  /** Left to right; no two neighbours are siblings. Hashes are owned here and never written to. */
  readonly #nodes: RangeNode[];

  private constructor(hasher: TreeHasher, begin: number, end: number, nodes: RangeNode[]) {
    this.#hasher = hasher;
    this.#begin = begin;
    this.#end = end;
    this.#nodes = nodes;
  }

  /** A range without leaves that will grow from leaf `begin` on. Throws `size_out_of_range`. */
  static empty(hasher: TreeHasher, begin = 0): CompactRange {
    checkSize(begin);
    return new CompactRange(hasher, begin, begin, []);
  }

  /**
   * Restores a range from what `hashes()` gave. Throws `size_out_of_range`, `bad_range` when the ends are reversed or
   * the count of hashes is not the one this range must have, `bad_hash_length`.
   */
  static from(hasher: TreeHasher, range: { begin?: number; end: number; hashes: readonly Uint8Array[] }): CompactRange {
    const begin = range.begin ?? 0;
    const places = decompose(begin, range.end);
    if (places.length !== range.hashes.length) {
      throw new MerkleError(
        'bad_range',
        `${begin}..${range.end} has ${places.length} nodes, not ${range.hashes.length}`,
      );
    }
    const nodes = range.hashes.map((hash, i) => {
      checkHash(hash, 'range hash');
      return { ...(places[i] as NodeId), hash: new Uint8Array(hash) };
    });
    return new CompactRange(hasher, begin, range.end, nodes);
  }

  get begin(): number {
    return this.#begin;
  }

  get end(): number {
    return this.#end;
  }

  /** Count of leaves. */
  get size(): number {
    return this.#end - this.#begin;
  }

  clone(): CompactRange {
    return new CompactRange(this.#hasher, this.#begin, this.#end, [...this.#nodes]);
  }

  /** Adds one leaf at `end`. Throws `bad_hash_length`, `size_out_of_range` when the tree can grow no more. */
  append(leafHash: Uint8Array): void {
    checkHash(leafHash, 'leaf hash');
    checkSize(this.#end + 1);
    this.#push({ level: 0, index: this.#end, hash: new Uint8Array(leafHash) });
    this.#end++;
  }

  /** Adds all leaves of `other`, which must begin where this range ends: else `bad_range`. `other` stays as it is. */
  appendRange(other: CompactRange): void {
    if (other.#begin !== this.#end) {
      throw new MerkleError('bad_range', `range ending at ${this.#end} does not meet one beginning at ${other.#begin}`);
    }
    const end = other.#end;
    for (const node of other.#nodes) this.#push(node);
    this.#end = end;
  }

  /** Root of the tree of `end` leaves. Throws `bad_range` unless the range begins at leaf 0. */
  root(): Uint8Array {
    if (this.#begin !== 0) throw new MerkleError('bad_range', `a range beginning at ${this.#begin} has no tree root`);
    const last = this.#nodes.at(-1);
    if (last === undefined) return this.#hasher.empty();
    let root = last.hash;
    for (let i = this.#nodes.length - 2; i >= 0; i--) {
      root = this.#hasher.node((this.#nodes[i] as RangeNode).hash, root);
    }
    return new Uint8Array(root);
  }

  /** Copies of the hashes, left to right: with begin and end all that `from` needs. */
  hashes(): Uint8Array[] {
    return this.#nodes.map((node) => new Uint8Array(node.hash));
  }

  /** Sets a node to the right of all others and merges while the two rightmost are siblings. */
  #push(added: RangeNode): void {
    let node = added;
    for (let left = this.#nodes.at(-1); left !== undefined; left = this.#nodes.at(-1)) {
      if (left.level !== node.level || isOdd(left.index)) break;
      this.#nodes.pop();
      const hash = this.#hasher.node(left.hash, node.hash);
      node = { level: node.level + 1, index: left.index / 2, hash };
    }
    this.#nodes.push(node);
  }
}
