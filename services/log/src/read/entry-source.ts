import { equalHashes, type TileNodes, TILE_WIDTH, type TreeEdge, tileWidth } from '@sigstead/merkle';
import { readBundle } from '../core/entry-bundle.ts';
import { LogError } from '../core/errors.ts';
import { type LeafRecord, recordBytes } from '../core/records.ts';
import { DamagedRead } from './damaged.ts';
import { LoadGate } from './load-gate.ts';
import { WeightedLru } from '../core/lru.ts';
import { type ColdSources, provenLook } from './sources.ts';
import type { TileSource } from './tile-source.ts';

interface Bundle {
  /** The first entries of the bundle; only ever replaced by a longer list. */
  records: readonly LeafRecord[];
  bytes: number;
}

/** What two small arrays take beside their bytes. */
const RECORD_OVERHEAD = 320;

/** Room kept for a bundle on its way: 256 entries of the usual size. */
const EXPECTED_BYTES = 2 ** 20;

/**
 * Records of entries by bundle of 256. Bundles are kept in memory up to a budget and read from where they are kept when
 * they are not there; what this process appends itself is put in as it is published. Every leaf that was read is
 * compared with its hash in a proven tile before it is given out. Bytes beside the leaf are in no tree: they are as the
 * store has them.
 */
export class EntrySource {
  readonly #from: ColdSources<'records'>;
  readonly #tiles: TileSource;
  readonly #gate: LoadGate;
  readonly #cache: WeightedLru<Bundle>;
  readonly #loading = new Map<string, Promise<readonly LeafRecord[]>>();

  /** `archive` may be given only for kinds that keep no bytes beside the leaf: it has none. */
  constructor(options: ColdSources<'records'> & { tiles: TileSource }) {
    this.#from = options;
    this.#tiles = options.tiles;
    this.#gate = options.gate ?? new LoadGate();
    this.#cache = new WeightedLru({ budgetBytes: options.budgetBytes, weigh: (bundle) => bundle.bytes });
  }

  /** The first `width` records of bundle `index`, which the tree of `edge` must have. Concurrent callers share a load. */
  async bundle(edge: TreeEdge, index: number, width: number): Promise<readonly LeafRecord[]> {
    const covered = tileWidth({ level: 0, index }, edge.size);
    if (width > covered) throw new LogError('not_found', 'no such entries');
    for (;;) {
      const known = this.#cache.get(String(index))?.records ?? [];
      if (known.length >= width) return known.slice(0, width);
      const key = `bundle ${index}`;
      // As much as there is, so that no two widths of one bundle are loaded at once.
      const loading = this.#loading.get(key) ?? this.#start(key, () => this.#load(edge, index, known, covered));
      const records = await loading;
      if (records.length >= width) return records.slice(0, width);
    }
  }

  /** The record of one entry of the tree of `edge`. */
  async record(edge: TreeEdge, index: number): Promise<LeafRecord> {
    if (index >= edge.size) throw new LogError('not_found', 'no such entry');
    const bundle = Math.floor(index / TILE_WIDTH);
    const known = this.#cache.get(String(bundle))?.records[index % TILE_WIDTH];
    if (known !== undefined) return known;
    const key = `record ${index}`;
    const loading = this.#loading.get(key) ?? this.#start(key, () => this.#loadOne(edge, index));
    const [record] = await loading;
    if (record === undefined) throw missing(index);
    return record;
  }

  /** Takes over entries just published, where they continue what is kept or begin a bundle. */
  offer(firstIndex: number, records: readonly LeafRecord[]): void {
    for (let at = 0; at < records.length; ) {
      const index = Math.floor((firstIndex + at) / TILE_WIDTH);
      const offset = (firstIndex + at) % TILE_WIDTH;
      const part = records.slice(at, at + TILE_WIDTH - offset);
      const known = this.#cache.get(String(index))?.records ?? [];
      if (known.length === offset) this.#keep(index, [...known, ...ownedTogether(part)]);
      at += part.length;
    }
  }

  #start(key: string, load: () => Promise<readonly LeafRecord[]>): Promise<readonly LeafRecord[]> {
    const loading = load().finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }

  async #load(
    edge: TreeEdge,
    index: number,
    known: readonly LeafRecord[],
    width: number,
  ): Promise<readonly LeafRecord[]> {
    const tile = await this.#leafTile(edge, index);
    return this.#gate.run(async () => {
      // Only now: what waits for its turn takes nothing from what is kept.
      const giveBack = this.#cache.reserve(EXPECTED_BYTES);
      try {
        const archived = width === TILE_WIDTH ? await this.#archived(tile, index) : undefined;
        const range = { begin: index * TILE_WIDTH + known.length, end: index * TILE_WIDTH + width };
        const records = archived ?? [...known, ...(await this.#stored(tile, range))];
        giveBack();
        if (records.length > (this.#cache.get(String(index))?.records.length ?? 0)) this.#keep(index, records);
        return records;
      } finally {
        giveBack();
      }
    });
  }

  async #loadOne(edge: TreeEdge, index: number): Promise<readonly LeafRecord[]> {
    const tile = await this.#leafTile(edge, Math.floor(index / TILE_WIDTH));
    return this.#gate.run(() => this.#stored(tile, { begin: index, end: index + 1 }));
  }

  async #leafTile(edge: TreeEdge, index: number): Promise<TileNodes> {
    const tile = await this.#tiles.tile(edge, 0, index);
    if (tile === undefined) throw missing(index * TILE_WIDTH);
    return tile;
  }

  /** Undefined when the archive has not got it, or has something else under that name. */
  async #archived(tile: TileNodes, index: number): Promise<LeafRecord[] | undefined> {
    const { archive, observer } = this.#from;
    const bytes = await archive?.bundle(index);
    if (bytes === undefined) return undefined;
    const { entries, fault } = readBundle(bytes, TILE_WIDTH);
    const records = entries.map((leaf) => owned({ leaf, extra: new Uint8Array(0) }));
    if (fault !== undefined || this.#firstOdd(tile, 0, records) !== undefined) {
      observer?.archiveDiffers(`bundle ${index}`);
      return undefined;
    }
    observer?.loaded('archive');
    return records;
  }

  async #stored(tile: TileNodes, range: { begin: number; end: number }): Promise<LeafRecord[]> {
    const { store, observer } = this.#from;
    const records = await provenLook(observer, async () => {
      const read = await this.#rows(() => store.records(range));
      if (read instanceof DamagedRead) return read;
      const odd = this.#firstOdd(tile, range.begin % TILE_WIDTH, read);
      if (odd === undefined && read.length === range.end - range.begin) return read;
      const entry = range.begin + (odd ?? read.length);
      return new DamagedRead(`entry ${entry} is not the one in the tree`, { contradicts: true });
    });
    observer?.loaded('database');
    return records.map(owned);
  }

  /** Rows that do not hold what they should are damage like another. */
  async #rows(read: () => Promise<LeafRecord[]>): Promise<LeafRecord[] | DamagedRead> {
    try {
      return await read();
    } catch (cause) {
      if (!(cause instanceof LogError) || cause.code !== 'internal') throw cause;
      return new DamagedRead(cause.detail ?? cause.message, { contradicts: false, cause });
    }
  }

  #firstOdd(tile: TileNodes, offset: number, records: readonly LeafRecord[]): number | undefined {
    const at = records.findIndex(({ leaf }, i) => !equalHashes(this.#from.hasher.leaf(leaf), tile.node(0, offset + i)));
    return at === -1 ? undefined : at;
  }

  #keep(index: number, records: readonly LeafRecord[]): void {
    const bytes = records.reduce((sum, record) => sum + RECORD_OVERHEAD + recordBytes(record), 0);
    this.#cache.set(String(index), { records, bytes });
  }
}

function missing(index: number): DamagedRead {
  return new DamagedRead(`entry ${index} is missing`, { contradicts: false });
}

/**
 * A copy of its own: what the store gives is a view of a whole batch, and what was just appended lies in the runtime's
 * shared pool of small buffers; either would be kept alive for one record, and the budget would count a part of it.
 */
function owned({ leaf, extra }: LeafRecord): LeafRecord {
  return { leaf: Uint8Array.from(leaf), extra: Uint8Array.from(extra) };
}

/** The same for neighbours that are dropped together: one piece of memory, not two for each. */
function ownedTogether(records: readonly LeafRecord[]): LeafRecord[] {
  const memory = new Uint8Array(records.reduce((sum, { leaf, extra }) => sum + leaf.length + extra.length, 0));
  let end = 0;
  const keep = (bytes: Uint8Array): Uint8Array => {
    memory.set(bytes, end);
    end += bytes.length;
    return memory.subarray(end - bytes.length, end);
  };
  return records.map(({ leaf, extra }) => ({ leaf: keep(leaf), extra: keep(extra) }));
}
