import { hash, randomBytes } from 'node:crypto';
import {
  CompactRange,
  createTreeHasher,
  inclusionProof,
  nodeFromTiles,
  TileNodes,
  TILE_WIDTH,
  TreeEdge,
  verifyInclusion,
} from '@sigstead/merkle';
import type { MicroCase } from './measure.ts';

const hasher = createTreeHasher((data) => hash('sha256', data, 'buffer'));
const ENTRY_BYTES = 3200;
/** Two full tile levels: 65,536 leaves. */
const TREE_SIZE = TILE_WIDTH ** 2;

/** What the tree costs an entry. */
export function treeCases(): MicroCase[] {
  const entry = randomBytes(ENTRY_BYTES);
  const [left, right] = [randomBytes(32), randomBytes(32)];
  return [
    { name: `leaf hash, ${ENTRY_BYTES} bytes`, run: () => hasher.leaf(entry) },
    { name: 'node hash', run: () => hasher.node(left, right) },
    appendCase(),
    proofCase(),
    tileCase(),
  ];
}

/** A log that publishes after every entry: leaf hash given, one append, one root. */
function appendCase(): MicroCase {
  const range = CompactRange.empty(hasher);
  for (let i = 0; i < TREE_SIZE - 1; i++) range.append(hasher.leaf(Buffer.of(i & 255, i >> 8)));
  const leaf = randomBytes(32);
  return {
    name: 'append and root, entry by entry',
    run: () => {
      range.append(leaf);
      return range.root();
    },
  };
}

/** Tiles whose interior nodes are known already, as those that everybody asks for. */
function proofCase(): MicroCase {
  const leaves = Array.from({ length: TREE_SIZE }, (_, i) => hasher.leaf(Buffer.of(i & 255, i >> 8)));
  const bottom = Array.from({ length: TILE_WIDTH }, (_, i) =>
    TileNodes.from(hasher, Buffer.concat(leaves.slice(i * TILE_WIDTH, (i + 1) * TILE_WIDTH))),
  );
  const top = TileNodes.from(hasher, Buffer.concat(bottom.map((tile) => tile.node(8, 0))));
  const root = top.node(8, 0);
  const getTile = (level: number, index: number): TileNodes | undefined => (level === 0 ? bottom[index] : top);
  const getNode = nodeFromTiles({ hasher, size: TREE_SIZE, getTile });
  const prove = (index: number): Uint8Array[] => inclusionProof(TREE_SIZE, index, getNode);
  let next = 0;
  return {
    name: `inclusion proof from hot tiles, ${TREE_SIZE} entries`,
    run: () => prove((next = (next + 7919) % TREE_SIZE)),
    check: () => {
      for (let index = 0; index < TREE_SIZE; index += 251) {
        const leafHash = leaves[index] ?? new Uint8Array(0);
        verifyInclusion({ hasher, index, size: TREE_SIZE, leafHash, proof: prove(index), root });
      }
    },
  };
}

/** The bytes of a partial tile, as they are served. */
function tileCase(): MicroCase {
  const leaves = Array.from({ length: TILE_WIDTH - 1 }, () => new Uint8Array(randomBytes(32)));
  const { edge } = TreeEdge.empty(hasher).append(leaves);
  return { name: 'tile rendered, 255 hashes', run: () => edge.partial(0)?.nodes.bytes() };
}
