/**
 * Every way this package refuses. The set is closed: callers switch over it exhaustively.
 *
 * - `size_out_of_range`    a tree size is no integer from 0 to Number.MAX_SAFE_INTEGER
 * - `index_out_of_range`   a leaf, node or tile lies outside the tree it was asked of
 * - `sizes_reversed`       a consistency proof was asked from a larger tree to a smaller one
 * - `bad_hash_length`      something that must be a 32-byte hash is not
 * - `bad_hash_function`    the injected hash function does not give fresh 32-byte values
 * - `wrong_proof_length`   a proof has more or fewer hashes than its sizes and index require
 * - `root_mismatch`        a proof, or a restored edge, leads to another root
 * - `old_root_mismatch`    a consistency proof does not lead to the root of the smaller tree
 * - `new_root_mismatch`    a consistency proof does not lead to the root of the larger tree
 * - `bad_range`            ranges that do not meet, or hashes that do not fit the range
 * - `bad_tile`             bytes that are no tile of the stated or required width
 * - `bad_tile_coordinate`  a tile level, index or width that no tile can have
 * - `node_missing`         the caller's tiles or lookup do not hold a node that is needed
 */
export type MerkleErrorCode =
  | 'size_out_of_range'
  | 'index_out_of_range'
  | 'sizes_reversed'
  | 'bad_hash_length'
  | 'bad_hash_function'
  | 'wrong_proof_length'
  | 'root_mismatch'
  | 'old_root_mismatch'
  | 'new_root_mismatch'
  | 'bad_range'
  | 'bad_tile'
  | 'bad_tile_coordinate'
  | 'node_missing';

/** The only error this package throws. The message is for operators: numbers, never input bytes. */
export class MerkleError extends Error {
  override readonly name = 'MerkleError';
  readonly code: MerkleErrorCode;

  constructor(code: MerkleErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
