import { TILE_WIDTH } from '@sigstead/merkle';
import type { LogStore } from '../core/ports.ts';
import { type LeafRecord, recordBytes } from '../core/records.ts';
import { WeightedLru } from './lru.ts';

interface Bundle {
  /** The first entries of the bundle; only ever replaced by a longer list. */
  records: readonly LeafRecord[];
  bytes: number;
}

/**
 * Records of entries by bundle of 256. Bundles are kept in memory up to a budget and read from the store when they are
 * not there; what this process appends itself is put in as it is published.
 */
export class EntrySource {
  readonly #store: Pick<LogStore, 'records'>;
  readonly #cache: WeightedLru<Bundle>;
  readonly #loading = new Map<string, Promise<readonly LeafRecord[]>>();

  constructor(options: { store: Pick<LogStore, 'records'>; budgetBytes: number }) {
    this.#store = options.store;
    this.#cache = new WeightedLru({ budgetBytes: options.budgetBytes, weigh: (bundle) => bundle.bytes });
  }

  /** The first `width` records of bundle `index`. The caller has made sure that a settled head covers them. */
  async bundle(index: number, width: number): Promise<readonly LeafRecord[]> {
    const known = this.#cache.get(String(index))?.records ?? [];
    if (known.length >= width) return known.slice(0, width);
    const key = `${index}:${width}`;
    const running = this.#loading.get(key);
    if (running !== undefined) return running;
    const loading = this.#load(index, known, width).finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }

  /** The record of one entry. */
  async record(index: number): Promise<LeafRecord | undefined> {
    const first = Math.floor(index / TILE_WIDTH);
    const known = this.#cache.get(String(first))?.records[index % TILE_WIDTH];
    if (known !== undefined) return known;
    const [record] = await this.#store.records({ begin: index, end: index + 1 });
    return record;
  }

  /** Takes over entries just published, where they continue what is kept or begin a bundle. */
  offer(firstIndex: number, records: readonly LeafRecord[]): void {
    for (let at = 0; at < records.length; ) {
      const index = Math.floor((firstIndex + at) / TILE_WIDTH);
      const offset = (firstIndex + at) % TILE_WIDTH;
      const part = records.slice(at, at + TILE_WIDTH - offset);
      const known = this.#cache.get(String(index))?.records ?? [];
      if (known.length === offset) this.#keep(index, [...known, ...part.map(owned)]);
      at += part.length;
    }
  }

  async #load(index: number, known: readonly LeafRecord[], width: number): Promise<readonly LeafRecord[]> {
    const first = index * TILE_WIDTH;
    const added = await this.#store.records({ begin: first + known.length, end: first + width });
    const records = [...known, ...added.map(owned)];
    if (records.length > (this.#cache.get(String(index))?.records.length ?? 0)) this.#keep(index, records);
    return records;
  }

  #keep(index: number, records: readonly LeafRecord[]): void {
    const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0);
    this.#cache.set(String(index), { records, bytes });
  }
}

/**
 * A copy of its own: what the store gives is a view of a whole batch, and what was just appended lies in the runtime's
 * shared pool of small buffers; either would be kept alive for one record, and the budget would count a part of it.
 */
function owned({ leaf, extra }: LeafRecord): LeafRecord {
  return { leaf: Uint8Array.from(leaf), extra: Uint8Array.from(extra) };
}
