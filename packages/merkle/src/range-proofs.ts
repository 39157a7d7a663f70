import { MerkleError } from './errors.ts';
import { checkHash, equalHashes, type TreeHasher } from './hasher.ts';
import type { GetNode } from './nodes.ts';
import { checkIndex, checkSize, isOdd } from './numbers.ts';

/** One level of the tree as far as the range touches it: the node `first` and those to its right. */
interface Row {
  readonly first: number;
  readonly hashes: readonly Uint8Array[];
}

/**
 * Inclusion proofs of the neighbouring leaves from `begin` on, proven against the root while they are made: from the
 * leaf hashes up to the root every node is hashed here, once for all proofs, about one hash a leaf. `getNode` gives no
 * more than the nodes beside the range; one that is wrong, as a wrong leaf hash, leads to another root. Proofs share
 * their arrays: they are not to be written to. The same proofs as inclusionProof gives. SPEC: RFC 6962 §2.1.1
 * Throws `size_out_of_range`, `index_out_of_range`, `bad_hash_length`, `root_mismatch`, and what getNode throws.
 */
export function proveRange(range: {
  hasher: TreeHasher;
  size: number;
  root: Uint8Array;
  begin: number;
  leafHashes: readonly Uint8Array[];
  getNode: GetNode;
}): Uint8Array[][] {
  const { size, root, begin, leafHashes } = range;
  checkSize(size);
  checkHash(root, 'root');
  if (leafHashes.length === 0) return [];
  checkIndex(begin, size);
  checkIndex(begin + leafHashes.length - 1, size);
  for (const leafHash of leafHashes) checkHash(leafHash, 'leaf hash');
  const rows = climb(range);
  const top = rows.at(-1)?.hashes[0];
  if (top === undefined || !equalHashes(top, root)) {
    throw new MerkleError('root_mismatch', `the leaves from ${begin} on lead to another root of size ${size}`);
  }
  return leafHashes.map((_, i) => proofFrom(rows, begin + i, size - 1));
}

/** The rows from the leaves to the root, each with the siblings that its parents need. */
function climb(range: {
  hasher: TreeHasher;
  size: number;
  begin: number;
  leafHashes: readonly Uint8Array[];
  getNode: GetNode;
}): Row[] {
  const { hasher, getNode } = range;
  const rows: Row[] = [];
  let first = range.begin;
  let hashes: readonly Uint8Array[] = range.leafHashes;
  for (let level = 0, last = range.size - 1; ; level++, last = Math.floor(last / 2)) {
    const end = first + hashes.length - 1;
    const left = isOdd(first) ? [getNode(level, first - 1)] : [];
    const right = !isOdd(end) && end < last ? [getNode(level, end + 1)] : [];
    const row = { first: first - left.length, hashes: [...left, ...hashes, ...right] };
    rows.push(row);
    if (last === 0) return rows;
    first = Math.floor(first / 2);
    hashes = parentsOf(hasher, row);
  }
}

/** SPEC: RFC 6962 §2.1: a node without a right sibling moves up as it is. */
function parentsOf(hasher: TreeHasher, { hashes }: Row): Uint8Array[] {
  const parents: Uint8Array[] = [];
  for (let at = 0; at < hashes.length; at += 2) {
    const left = hashes[at] as Uint8Array;
    const right = hashes[at + 1];
    parents.push(right === undefined ? left : hasher.node(left, right));
  }
  return parents;
}

function proofFrom(rows: readonly Row[], leaf: number, lastLeaf: number): Uint8Array[] {
  const proof: Uint8Array[] = [];
  let index = leaf;
  let last = lastLeaf;
  for (let level = 0; last > 0; level++) {
    const { first, hashes } = rows[level] as Row;
    const isRight = isOdd(index);
    if (isRight || index < last) proof.push(hashes[index - first + (isRight ? -1 : 1)] as Uint8Array);
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  return proof;
}
