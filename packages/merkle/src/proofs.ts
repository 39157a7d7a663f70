import { MerkleError } from './errors.ts';
import { checkHash } from './hasher.ts';
import type { GetNode, NodeId } from './nodes.ts';
import { checkIndex, checkSize, isOdd } from './numbers.ts';

/** Longest possible proof: 53 siblings and, for consistency, one node to start from. */
export const MAX_PROOF_LENGTH = 54;

/**
 * The nodes an inclusion proof of leaf `index` in the tree of `size` consists of, leaf to root. Nodes may be ragged.
 * SPEC: RFC 6962 §2.1.1. Throws `size_out_of_range`, `index_out_of_range`.
 */
export function inclusionNodes(size: number, index: number): NodeId[] {
  checkIndex(index, size);
  return siblingsUpwards(0, index, size - 1);
}

/**
 * The nodes a consistency proof from the tree of `size1` to that of `size2` consists of, in proof order. Empty when
 * the sizes are equal and when size1 is 0: then there is nothing to prove.
 * SPEC: RFC 6962 §2.1.2. Throws `size_out_of_range`, `sizes_reversed`.
 */
export function consistencyNodes(size1: number, size2: number): NodeId[] {
  checkSizePair(size1, size2);
  if (size1 === size2 || size1 === 0) return [];
  let level = 0;
  let index = size1 - 1;
  let last = size2 - 1;
  while (isOdd(index)) {
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
    level++;
  }
  // A smaller tree whose size is a power of two is itself the first node: the verifier has it already.
  const start: NodeId[] = index === 0 ? [] : [{ level, index }];
  return [...start, ...siblingsUpwards(level, index, last)];
}

/** Throws `size_out_of_range` for bad sizes, `sizes_reversed` if size1 > size2. */
export function checkSizePair(size1: number, size2: number): void {
  checkSize(size1);
  checkSize(size2);
  if (size1 > size2) throw new MerkleError('sizes_reversed', `size ${size1} is larger than ${size2}`);
}

/** Siblings on the way from a node to the root; `last` is the index of the last node on the same level. */
function siblingsUpwards(fromLevel: number, fromIndex: number, lastIndex: number): NodeId[] {
  const nodes: NodeId[] = [];
  let index = fromIndex;
  let last = lastIndex;
  for (let level = fromLevel; last > 0; level++) {
    if (isOdd(index)) nodes.push({ level, index: index - 1 });
    else if (index < last) nodes.push({ level, index: index + 1 });
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  return nodes;
}

/**
 * Inclusion proof of leaf `index` in the tree of `size`, leaf to root. `getNode` must answer for the tree of exactly
 * this size (see treeNodes, nodeFromTiles); its errors pass through. Throws `size_out_of_range`, `index_out_of_range`.
 */
export function inclusionProof(size: number, index: number, getNode: GetNode): Uint8Array[] {
  return collect(inclusionNodes(size, index), getNode);
}

/**
 * Consistency proof from `size1` to `size2`, in RFC 6962 order. `getNode` must answer for the tree of size2; its
 * errors pass through. Throws `size_out_of_range`, `sizes_reversed`.
 */
export function consistencyProof(size1: number, size2: number, getNode: GetNode): Uint8Array[] {
  return collect(consistencyNodes(size1, size2), getNode);
}

function collect(nodes: readonly NodeId[], getNode: GetNode): Uint8Array[] {
  return nodes.map(({ level, index }) => {
    const hash = getNode(level, index);
    checkHash(hash, 'node');
    return hash;
  });
}
