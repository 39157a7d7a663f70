import {
  consistencyProof,
  decompose,
  equalHashes,
  fullTileCount,
  type GetNode,
  HASH_SIZE,
  inclusionProof,
  nodeFromTiles,
  type PlacedTile,
  rootFromNodes,
  TILE_HEIGHT,
  TILE_WIDTH,
  type TileId,
  TileNodes,
  tilesForConsistency,
  tilesForInclusion,
  tilesOfNodes,
  type TreeEdge,
} from '@sigstead/merkle';
import { DamagedRead } from './damaged.ts';
import { LoadGate } from './load-gate.ts';
import { WeightedLru } from '../core/lru.ts';
import { type ColdSources, provenLook } from './sources.ts';

/** What a TileNodes takes, interior nodes included. */
const TILE_BYTES = 17 * 1024;

/**
 * Tiles of the tree: partial ones from the edge, full ones from memory, else from where they are kept. Each full tile is
 * proven by its hash in the tile above it, and so on up to the edge, which was proven against the signed root: nothing
 * is given out, or a proof made of it, on the word of a table or a file. Interior nodes stay with the tile, so a proof in
 * a hot tile is a few lookups.
 */
export class TileSource {
  readonly #from: ColdSources<'tiles'>;
  readonly #gate: LoadGate;
  readonly #cache: WeightedLru<TileNodes>;
  readonly #loading = new Map<string, Promise<TileNodes>>();

  constructor(options: ColdSources<'tiles'>) {
    this.#from = options;
    this.#gate = options.gate ?? new LoadGate();
    this.#cache = new WeightedLru({ budgetBytes: options.budgetBytes, weigh: () => TILE_BYTES });
  }

  /** The widest tile there is at this place in the tree of `edge`; undefined when it has no hash yet. */
  async tile(edge: TreeEdge, level: number, index: number): Promise<TileNodes | undefined> {
    const full = fullTileCount(level, edge.size);
    if (index < full) return this.#full(edge, level, index);
    return index === full ? edge.partial(level)?.nodes : undefined;
  }

  /** Takes over tiles that a batch of this process has filled: they are of the tree that was just published. */
  offer(fullTiles: readonly PlacedTile[]): void {
    for (const { level, index, nodes } of fullTiles) this.#cache.set(`${level}/${index}`, nodes);
  }

  async inclusionProof(edge: TreeEdge, size: number, index: number): Promise<Uint8Array[]> {
    return inclusionProof(size, index, await this.#nodes(edge, size, tilesForInclusion(size, index)));
  }

  async consistencyProof(edge: TreeEdge, size1: number, size2: number): Promise<Uint8Array[]> {
    return consistencyProof(size1, size2, await this.#nodes(edge, size2, tilesForConsistency(size1, size2)));
  }

  /** Root the tree of `edge` had at `size`. */
  async rootAt(edge: TreeEdge, size: number): Promise<Uint8Array> {
    if (size === 0) return this.#from.hasher.empty();
    return rootFromNodes(size, await this.#nodes(edge, size, tilesOfNodes(decompose(0, size), size)));
  }

  async #nodes(edge: TreeEdge, size: number, tiles: readonly TileId[]): Promise<GetNode> {
    const loaded = new Map<string, TileNodes | undefined>();
    await Promise.all(
      tiles.map(async ({ level, index }) => {
        loaded.set(`${level}/${index}`, await this.tile(edge, level, index));
      }),
    );
    const { hasher } = this.#from;
    return nodeFromTiles({ hasher, size, getTile: (level, index) => loaded.get(`${level}/${index}`) });
  }

  /** Concurrent callers share one load; a failed one is forgotten. */
  async #full(edge: TreeEdge, level: number, index: number): Promise<TileNodes> {
    const key = `${level}/${index}`;
    const known = this.#cache.get(key) ?? this.#loading.get(key);
    if (known !== undefined) return known;
    const loading = this.#load(edge, level, index).finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }

  async #load(edge: TreeEdge, level: number, index: number): Promise<TileNodes> {
    // Before the turn is taken: the tile above may have to be loaded itself, and must not wait for this one.
    const above = await this.tile(edge, level + 1, Math.floor(index / TILE_WIDTH));
    if (above === undefined) throw new DamagedRead(`${nameOf(level, index)} has none above`, { contradicts: true });
    const root = above.node(0, index % TILE_WIDTH);
    return this.#gate.run(async () => {
      // Only now: what waits for its turn takes nothing from what is kept.
      const giveBack = this.#cache.reserve(TILE_BYTES);
      try {
        const nodes = await this.#read(level, index, root);
        giveBack();
        this.#cache.set(`${level}/${index}`, nodes);
        return nodes;
      } finally {
        giveBack();
      }
    });
  }

  async #read(level: number, index: number, root: Uint8Array): Promise<TileNodes> {
    const { archive, store, observer } = this.#from;
    const archived = await archive?.tile(level, index);
    const nodes = archived === undefined ? undefined : this.#proven(archived, root);
    if (nodes !== undefined) {
      observer?.loaded('archive');
      return nodes;
    }
    if (archived !== undefined) observer?.archiveDiffers(nameOf(level, index));
    const found = await provenLook(observer, async () => {
      const [row] = await store.tiles(level, [index]);
      if (row === undefined) return new DamagedRead(`full ${nameOf(level, index)} is missing`, { contradicts: false });
      const text = `${nameOf(level, index)} is not the one in the tree`;
      return this.#proven(row.hashes, root) ?? new DamagedRead(text, { contradicts: true });
    });
    observer?.loaded('database');
    return found;
  }

  #proven(bytes: Uint8Array, root: Uint8Array): TileNodes | undefined {
    if (bytes.length !== TILE_WIDTH * HASH_SIZE) return undefined;
    const nodes = TileNodes.from(this.#from.hasher, bytes);
    return equalHashes(nodes.node(TILE_HEIGHT, 0), root) ? nodes : undefined;
  }
}

function nameOf(level: number, index: number): string {
  return `tile ${index} of level ${level}`;
}
