import { equalHashes, HASH_SIZE } from '@sigstead/merkle';
import { hex, type TreeProblem } from './report.ts';

/** Two accounts of one tile: the hashes made from what lies below it, and the hashes it was published with. */
export interface Accounts {
  readonly level: number;
  readonly index: number;
  readonly tilePath: string;
  /** Level 0: the bundle that the derived hashes come from. */
  readonly bundlePath?: string;
  readonly derived: Uint8Array;
  readonly stored: Uint8Array;
}

/** Which account the rest of the tree confirms. */
export type Winner = 'derived' | 'stored' | 'neither';

/** Slot of the first hash that differs; undefined when the accounts agree as far as the shorter one goes. */
export function firstDifferingSlot(a: Uint8Array, b: Uint8Array): number | undefined {
  const slots = Math.min(a.length, b.length) / HASH_SIZE;
  for (let slot = 0; slot < slots; slot++) if (!equalHashes(hashAt(a, slot), hashAt(b, slot))) return slot;
  return undefined;
}

export function hashAt(bytes: Uint8Array, slot: number): Uint8Array {
  return bytes.subarray(slot * HASH_SIZE, (slot + 1) * HASH_SIZE);
}

/** Names the one that is wrong: the tile when what lies below it leads on to the root, else what lies below it. */
export function nameDifference(accounts: Accounts, slot: number, winner: Winner): TreeProblem {
  const { level, index, derived, stored } = accounts;
  const entry = (index * 256 + slot) * 256 ** level;
  const hashes = { derived: hex(hashAt(derived, slot)), stored: hex(hashAt(stored, slot)) };
  if (winner === 'derived') {
    const text = `${accounts.tilePath}: hash ${slot} is ${hashes.stored}, but what lies below makes ${hashes.derived}`;
    return {
      code: 'tile',
      resource: accounts.tilePath,
      entry,
      slot,
      expected: hashes.derived,
      found: hashes.stored,
      text,
    };
  }
  const unsure = winner === 'neither' ? ', and neither leads to the hash above them' : '';
  const place = { entry, slot, expected: hashes.stored, found: hashes.derived };
  if (level === 0) {
    const text = `entry ${entry}: its bytes hash to ${hashes.derived}, but its tile has ${hashes.stored}${unsure}`;
    return { code: 'entry', resource: accounts.bundlePath ?? accounts.tilePath, ...place, text };
  }
  const last = entry + 256 ** level - 1;
  const text =
    `entries ${entry} to ${last} and their tiles make ${hashes.derived}, ` +
    `but ${accounts.tilePath} has ${hashes.stored} for them${unsure}`;
  return { code: 'subtree', resource: accounts.tilePath, ...place, text };
}
