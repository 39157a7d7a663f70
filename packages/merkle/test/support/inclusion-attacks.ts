import type { InclusionClaim } from '../../src/index.ts';
import { goldenLeaf, hasher } from './golden-tree.ts';
import { type Attack, leafAt, PROOF_ATTACKS, replaced, some, swapped } from './attack.ts';

export const INCLUSION_ATTACKS: Attack<InclusionClaim>[] = [
  {
    name: 'index+1',
    make: (c) => ({ index: c.index + 1 }),
    codes: ['root_mismatch', 'wrong_proof_length', 'index_out_of_range'],
  },
  {
    name: 'index-1',
    make: (c) => ({ index: c.index - 1 }),
    codes: ['root_mismatch', 'wrong_proof_length', 'index_out_of_range'],
  },
  { name: 'index is the size', make: (c) => ({ index: c.size }), codes: ['index_out_of_range'] },
  {
    name: 'index flipped to the sibling',
    make: (c) => some(c.proof.length > 0, { index: c.index + (c.index % 2 ? -1 : 1) }),
    codes: ['root_mismatch', 'wrong_proof_length', 'index_out_of_range'],
  },
  { name: 'index plus 2^32', make: (c) => ({ index: c.index + 2 ** 32 }), codes: ['index_out_of_range'] },
  { name: 'index not an integer', make: (c) => ({ index: c.index + 0.5 }), codes: ['index_out_of_range'] },
  { name: 'index not a number', make: () => ({ index: Number.NaN }), codes: ['index_out_of_range'] },
  { name: 'size twice as large', make: (c) => ({ size: 2 * c.size }), codes: ['wrong_proof_length', 'root_mismatch'] },
  { name: 'size plus 2^32', make: (c) => ({ size: c.size + 2 ** 32 }), codes: ['wrong_proof_length', 'root_mismatch'] },
  { name: 'size above the safe integers', make: () => ({ size: 2 ** 53 }), codes: ['size_out_of_range'] },
  { name: 'size infinite', make: () => ({ size: Number.POSITIVE_INFINITY }), codes: ['size_out_of_range'] },
  { name: 'size zero', make: () => ({ size: 0, index: 0 }), codes: ['index_out_of_range'] },
  {
    name: 'proof truncated at the root',
    make: (c) => some(c.proof.length > 0, { proof: c.proof.slice(0, -1) }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'proof truncated at the leaf',
    make: (c) => some(c.proof.length > 0, { proof: c.proof.slice(1) }),
    codes: ['wrong_proof_length'],
  },
  ...PROOF_ATTACKS,
  { name: 'proof extended by the root', make: (c) => ({ proof: [...c.proof, c.root] }), codes: ['wrong_proof_length'] },
  {
    name: 'proof extended before the leaf',
    make: (c) => ({ proof: [c.leafHash, ...c.proof] }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'proof nodes swapped',
    make: (c) => some(c.proof.length > 1, { proof: swapped(c.proof) }),
    codes: ['root_mismatch'],
  },
  {
    name: 'proof reversed',
    make: (c) => some(c.proof.length > 1, { proof: [...c.proof].reverse() }),
    codes: ['root_mismatch'],
  },
  {
    name: 'proof hash of 33 bytes',
    make: (c) => some(c.proof.length > 0, { proof: replaced(c.proof, 0, new Uint8Array(33)) }),
    codes: ['bad_hash_length'],
  },
  {
    name: 'first two proof hashes as one of 64 bytes',
    make: (c) => some(c.proof.length > 1, { proof: [Buffer.concat(c.proof.slice(0, 2)), ...c.proof.slice(2)] }),
    codes: ['bad_hash_length'],
  },
  {
    name: 'leaf hash of another leaf',
    make: (c, tree) => some(c.size > 1, { leafHash: leafAt(tree, (c.index + 1) % c.size) }),
    codes: ['root_mismatch'],
  },
  {
    name: 'leaf data in place of its hash',
    make: (c) => ({ leafHash: goldenLeaf(c.index) }),
    codes: ['bad_hash_length'],
  },
  { name: 'leaf hash empty', make: () => ({ leafHash: new Uint8Array(0) }), codes: ['bad_hash_length'] },
  {
    name: 'leaf hashed without its prefix',
    make: (c, tree) => ({ leafHash: hasher.node(leafAt(tree, c.index), leafAt(tree, c.index)) }),
    codes: ['root_mismatch'],
  },
  { name: 'root of the empty tree', make: () => ({ root: hasher.empty() }), codes: ['root_mismatch'] },
  {
    name: 'root of the next size',
    make: (c, { naive }) => ({ root: naive.root(c.size + 1) }),
    codes: ['root_mismatch'],
  },
  {
    name: 'root of the size before',
    make: (c, { naive }) => ({ root: naive.root(c.size - 1) }),
    codes: ['root_mismatch'],
  },
  { name: 'root is the leaf hash', make: (c) => some(c.size > 1, { root: c.leafHash }), codes: ['root_mismatch'] },
  { name: 'root cut short', make: (c) => ({ root: c.root.subarray(0, 31) }), codes: ['bad_hash_length'] },
  { name: 'root empty', make: () => ({ root: new Uint8Array(0) }), codes: ['bad_hash_length'] },
];

/** Size and index of the claims that are attacked. */
export const LEAVES = [
  [1, 0],
  [2, 0],
  [2, 1],
  [3, 2],
  [7, 6],
  [8, 0],
  [8, 7],
  [9, 8],
  [11, 5],
  [256, 255],
  [257, 256],
  [600, 599],
  [65537, 0],
  [70000, 69999],
  [70000 - 1, 31337],
] as const;
