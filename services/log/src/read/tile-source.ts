import {
  consistencyProof,
  decompose,
  equalHashes,
  fullTileCount,
  type GetNode,
  inclusionProof,
  nodeFromTiles,
  rootFromNodes,
  type TileId,
  TileNodes,
  tilesForConsistency,
  tilesForInclusion,
  tilesOfNodes,
  type TreeEdge,
  type TreeHasher,
} from '@sigstead/merkle';
import { LogError } from '../core/errors.ts';
import type { LogStore } from '../core/ports.ts';
import { WeightedLru } from './lru.ts';

/** What a TileNodes takes, interior nodes included. */
const TILE_BYTES = 17 * 1024;

/**
 * Tiles of the tree: full ones from memory or the store, partial ones from the edge. Interior nodes stay with the tile,
 * so a proof in a hot tile is a few lookups.
 */
export class TileSource {
  readonly #hasher: TreeHasher;
  readonly #store: Pick<LogStore, 'tiles'>;
  readonly #cache: WeightedLru<Promise<TileNodes>>;

  constructor(options: { hasher: TreeHasher; store: Pick<LogStore, 'tiles'>; budgetBytes: number }) {
    this.#hasher = options.hasher;
    this.#store = options.store;
    this.#cache = new WeightedLru({ budgetBytes: options.budgetBytes, weigh: () => TILE_BYTES });
  }

  /** The widest tile there is at this place in the tree of `edge`; undefined when it has no hash yet. */
  async tile(edge: TreeEdge, level: number, index: number): Promise<TileNodes | undefined> {
    const full = fullTileCount(level, edge.size);
    if (index < full) return this.#full(level, index);
    return index === full ? edge.partial(level)?.nodes : undefined;
  }

  async inclusionProof(edge: TreeEdge, size: number, index: number): Promise<Uint8Array[]> {
    return inclusionProof(size, index, await this.#nodes(edge, size, tilesForInclusion(size, index)));
  }

  async consistencyProof(edge: TreeEdge, size1: number, size2: number): Promise<Uint8Array[]> {
    return consistencyProof(size1, size2, await this.#nodes(edge, size2, tilesForConsistency(size1, size2)));
  }

  /** Root the tree of `edge` had at `size`. */
  async rootAt(edge: TreeEdge, size: number): Promise<Uint8Array> {
    if (size === 0) return this.#hasher.empty();
    return rootFromNodes(size, await this.#nodes(edge, size, tilesOfNodes(decompose(0, size), size)));
  }

  async #nodes(edge: TreeEdge, size: number, tiles: readonly TileId[]): Promise<GetNode> {
    const loaded = new Map<string, TileNodes | undefined>();
    await Promise.all(
      tiles.map(async ({ level, index }) => {
        loaded.set(`${level}/${index}`, await this.tile(edge, level, index));
      }),
    );
    return nodeFromTiles({ hasher: this.#hasher, size, getTile: (level, index) => loaded.get(`${level}/${index}`) });
  }

  /** Concurrent callers share one read; a failed read is forgotten. */
  #full(level: number, index: number): Promise<TileNodes> {
    const key = `${level}/${index}`;
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const loading = this.#load(level, index);
    this.#cache.set(key, loading);
    loading.catch(() => this.#cache.delete(key));
    return loading;
  }

  async #load(level: number, index: number): Promise<TileNodes> {
    const [row] = await this.#store.tiles(level, [index]);
    if (row === undefined) throw damaged(`full tile ${index} of level ${level} is missing`);
    const nodes = TileNodes.from(this.#hasher, row.hashes);
    if (!equalHashes(nodes.node(8, 0), row.root)) throw damaged(`tile ${index} of level ${level} has another root`);
    return nodes;
  }
}

function damaged(detail: string): LogError {
  return new LogError('internal', 'internal error', { detail });
}
