import { MerkleError } from './errors.ts';
import { checkHash, type TreeHasher } from './hasher.ts';
import { checkIndex, checkSize, MAX_LEVEL, pow2, rootLevel, shiftRight } from './numbers.ts';

/**
 * A node of a tree of a given size: the root of the leaves [index·2^level, (index+1)·2^level), cut at the size.
 * It is *perfect* when nothing is cut; perfect nodes never change while the tree grows. On every level at most the
 * last node is ragged, and its hash belongs to that one size.
 */
export interface NodeId {
  readonly level: number;
  readonly index: number;
}

/** Gives the hash of any node, perfect or ragged, of the one tree it was made for. */
export type GetNode = (level: number, index: number) => Uint8Array;

/** Gives the hash of a perfect node, or undefined if it is not known. */
export type GetPerfectNode = (level: number, index: number) => Uint8Array | undefined;

/** Throws `index_out_of_range` unless the node covers at least one leaf of a tree of `size`. */
function checkNode(level: number, index: number, size: number): void {
  const levelOk = Number.isInteger(level) && level >= 0 && level <= MAX_LEVEL;
  if (!levelOk || !Number.isSafeInteger(index) || index < 0 || size === 0 || index > shiftRight(size - 1, level)) {
    throw new MerkleError('index_out_of_range', `no node ${index} on level ${level} in a tree of size ${size}`);
  }
}

/** Whether a node that lies in the tree has all of its 2^level leaves. */
export function isPerfect(level: number, index: number, size: number): boolean {
  return index < shiftRight(size, level);
}

/**
 * The perfect nodes that [begin, end) falls apart into, left to right: first growing, then shrinking.
 * At most 2·53 of them. With begin 0 these are the bits of `end` from the highest down.
 */
export function decompose(begin: number, end: number): NodeId[] {
  checkSize(begin);
  checkSize(end);
  if (begin > end) throw new MerkleError('bad_range', `range ${begin}..${end} ends before it begins`);
  const nodes: NodeId[] = [];
  let at = begin;
  while (at < end) {
    let level = 0;
    while (level < MAX_LEVEL && at % pow2(level + 1) === 0 && at + pow2(level + 1) <= end) level++;
    nodes.push({ level, index: at / pow2(level) });
    at += pow2(level);
  }
  return nodes;
}

/** The perfect nodes a node is folded from, left to right; the node itself if it is perfect. */
export function perfectParts(node: NodeId, size: number): NodeId[] {
  checkSize(size);
  checkNode(node.level, node.index, size);
  if (isPerfect(node.level, node.index, size)) return [node];
  return decompose(node.index * pow2(node.level), size);
}

/**
 * Makes a lookup of perfect nodes into one of all nodes of the tree of `size`. Ragged nodes are hashed once and
 * kept (one per level), so a hundred proofs under one head share them. The lookup throws `index_out_of_range` for
 * nodes outside the tree and `node_missing` when `perfectNode` knows no answer.
 */
export function treeNodes(options: { hasher: TreeHasher; size: number; perfectNode: GetPerfectNode }): GetNode {
  const { hasher, size, perfectNode } = options;
  checkSize(size);
  const raggedByLevel: (Uint8Array | undefined)[] = [];

  function lookup(level: number, index: number): Uint8Array {
    if (!isPerfect(level, index, size)) return ragged(level, index);
    const hash = perfectNode(level, index);
    if (hash === undefined) throw new MerkleError('node_missing', `node ${index} on level ${level} is not at hand`);
    checkHash(hash, 'node');
    return hash;
  }

  function ragged(level: number, index: number): Uint8Array {
    const known = raggedByLevel[level];
    if (known !== undefined) return known;
    const left = lookup(level - 1, 2 * index);
    const hasRight = 2 * index + 1 <= shiftRight(size - 1, level - 1);
    // SPEC: RFC 6962 §2.1: a subtree without a right half is not hashed again, it moves up as it is.
    const hash = hasRight ? hasher.node(left, lookup(level - 1, 2 * index + 1)) : left;
    raggedByLevel[level] = hash;
    return hash;
  }

  return (level, index) => {
    checkNode(level, index, size);
    return lookup(level, index);
  };
}

/** The root of the tree of `size` ≥ 1 leaves. Throws `index_out_of_range` for the empty tree, which has no node. */
export function rootFromNodes(size: number, getNode: GetNode): Uint8Array {
  checkIndex(0, size);
  return getNode(rootLevel(size), 0);
}
