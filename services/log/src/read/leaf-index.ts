import { identityKey, type LogStore } from '../core/ports.ts';
import type { LoadGate } from './load-gate.ts';

/** Leaf hashes kept in memory, some 200 bytes each. */
const KEPT = 16_384;

/** Index of an entry by its leaf hash: of those that this process published last from memory, of others from the store. */
export class LeafIndex {
  readonly #store: Pick<LogStore, 'findLeaf'>;
  readonly #gate: LoadGate;
  /** Insertion order is age. */
  readonly #recent = new Map<string, number>();

  constructor(options: { store: Pick<LogStore, 'findLeaf'>; gate: LoadGate }) {
    this.#store = options.store;
    this.#gate = options.gate;
  }

  /** What the store says is not proven: compare it with the tree. */
  async find(leafHash: Uint8Array): Promise<number | undefined> {
    const known = this.#recent.get(identityKey(leafHash));
    return known ?? this.#gate.run(() => this.#store.findLeaf(leafHash));
  }

  offer(firstIndex: number, leafHashes: readonly Uint8Array[]): void {
    for (const [i, leafHash] of leafHashes.entries()) this.#recent.set(identityKey(leafHash), firstIndex + i);
    for (const [oldest] of this.#recent) {
      if (this.#recent.size <= KEPT) break;
      this.#recent.delete(oldest);
    }
  }
}
