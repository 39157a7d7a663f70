import type { ConsistencyClaim } from '../../src/index.ts';
import { hasher } from './golden-tree.ts';
import { type Attack, PROOF_ATTACKS, some, swapped } from './attack.ts';

export const CONSISTENCY_ATTACKS: Attack<ConsistencyClaim>[] = [
  {
    name: 'sizes swapped',
    make: (c) => some(c.size1 < c.size2, { size1: c.size2, size2: c.size1 }),
    codes: ['sizes_reversed'],
  },
  {
    name: 'old size+1',
    make: (c) => ({ size1: c.size1 + 1 }),
    codes: ['wrong_proof_length', 'old_root_mismatch', 'new_root_mismatch', 'root_mismatch', 'sizes_reversed'],
  },
  {
    name: 'old size-1',
    make: (c) => ({ size1: c.size1 - 1 }),
    codes: ['wrong_proof_length', 'old_root_mismatch', 'new_root_mismatch'],
  },
  { name: 'old size zero', make: () => ({ size1: 0 }), codes: ['old_root_mismatch', 'wrong_proof_length'] },
  {
    name: 'old size zero and the empty root, proof kept',
    make: (c) => some(c.proof.length > 0, { size1: 0, root1: hasher.empty() }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'new size twice as large',
    make: (c) => ({ size2: 2 * c.size2 }),
    codes: ['wrong_proof_length', 'old_root_mismatch', 'new_root_mismatch'],
  },
  {
    name: 'new size is the old one',
    make: (c) => some(c.size1 < c.size2, { size2: c.size1 }),
    codes: ['wrong_proof_length', 'root_mismatch'],
  },
  {
    name: 'sizes plus 2^32',
    make: (c) => some(c.size1 < c.size2, { size1: c.size1 + 2 ** 32, size2: c.size2 + 2 ** 32 }),
    codes: ['wrong_proof_length', 'old_root_mismatch', 'root_mismatch'],
  },
  { name: 'new size above the safe integers', make: () => ({ size2: 2 ** 53 }), codes: ['size_out_of_range'] },
  { name: 'old size negative', make: () => ({ size1: -1 }), codes: ['size_out_of_range'] },
  {
    name: 'proof truncated at the end',
    make: (c) => some(c.proof.length > 0, { proof: c.proof.slice(0, -1) }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'proof truncated at the start',
    make: (c) => some(c.proof.length > 0, { proof: c.proof.slice(1) }),
    codes: ['wrong_proof_length'],
  },
  ...PROOF_ATTACKS,
  {
    name: 'proof extended by the old root in front',
    make: (c) => ({ proof: [c.root1, ...c.proof] }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'proof extended by the new root',
    make: (c) => ({ proof: [...c.proof, c.root2] }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'proof nodes swapped',
    make: (c) => some(c.proof.length > 1, { proof: swapped(c.proof) }),
    codes: ['old_root_mismatch', 'new_root_mismatch'],
  },
  {
    name: 'roots swapped',
    make: (c) => some(c.size1 < c.size2, { root1: c.root2, root2: c.root1 }),
    codes: ['old_root_mismatch', 'new_root_mismatch'],
  },
  {
    name: 'old root of another size',
    make: (c, { naive }) => ({ root1: naive.root(c.size1 + 1) }),
    codes: ['old_root_mismatch', 'new_root_mismatch', 'root_mismatch'],
  },
  {
    name: 'new root of another size',
    make: (c, { naive }) => ({ root2: naive.root(c.size2 + 1) }),
    codes: ['new_root_mismatch', 'root_mismatch'],
  },
  {
    name: 'both roots the old one',
    make: (c) => some(c.size1 < c.size2, { root2: c.root1 }),
    codes: ['new_root_mismatch'],
  },
  {
    name: 'both roots the new one',
    make: (c) => some(c.size1 < c.size2, { root1: c.root2 }),
    codes: ['old_root_mismatch', 'new_root_mismatch'],
  },
  { name: 'old root empty', make: () => ({ root1: new Uint8Array(0) }), codes: ['bad_hash_length'] },
  {
    name: 'new root of 64 bytes',
    make: (c) => ({ root2: Buffer.concat([c.root2, c.root2]) }),
    codes: ['bad_hash_length'],
  },
];

/** Sizes of the claims that are attacked. */
export const PAIRS = [
  [1, 1],
  [1, 2],
  [2, 3],
  [3, 7],
  [4, 8],
  [6, 8],
  [7, 8],
  [8, 8],
  [255, 256],
  [256, 257],
  [255, 257],
  [512, 600],
  [257, 65535],
  [65537, 69999],
] as const;
