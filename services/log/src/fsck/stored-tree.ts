import { entryBundlePath, HASH_SIZE, TILE_WIDTH, tilePath, tileWidth } from '@sigstead/merkle';
import { type Bundle, MAX_BUNDLE_BYTES, readBundle } from '../core/entry-bundle.ts';
import type { TreeCounts, TreeProblem } from './report.ts';
import { SourceError, type TreeSource } from './source.ts';

/** Room to see that something too long is too long, and to say so instead of "unreadable". */
const SLACK_BYTES = 8192;

/** A tile as it is published: its hashes, as many as the tree's size gives it, or what is wrong. */
export type FoundTile = { readonly path: string } & (
  | { readonly bytes: Uint8Array; readonly problem?: undefined }
  | { readonly bytes?: undefined; readonly problem: TreeProblem }
);

/** A bundle as it is published. `bundle` may have a fault; it is undefined when there were no bytes to look at. */
export type FoundBundle = { readonly path: string } & (
  | { readonly bytes: Uint8Array; readonly bundle: Bundle; readonly problem?: undefined }
  | { readonly bytes?: undefined; readonly bundle?: undefined; readonly problem: TreeProblem }
);

/** The resources of one log at one size. Methods throw SourceError `unreachable` alone. */
export class StoredTree {
  readonly #source: TreeSource;
  readonly #size: number;
  readonly #counts: TreeCounts;

  constructor(source: TreeSource, size: number, counts: TreeCounts) {
    this.#source = source;
    this.#size = size;
    this.#counts = counts;
  }

  async tile(level: number, index: number): Promise<FoundTile> {
    const width = tileWidth({ level, index }, this.#size);
    const read = await this.#read((wide) => tilePath({ level, index, width: wide }), width, TILE_WIDTH * HASH_SIZE);
    if (read.problem !== undefined) return read;
    const { path, bytes, isFull } = read;
    const expected = (isFull ? TILE_WIDTH : width) * HASH_SIZE;
    if (bytes.length === expected) return { path, bytes: bytes.subarray(0, width * HASH_SIZE) };
    const text = `${path} has ${bytes.length} bytes, not ${expected}`;
    return { path, problem: { code: 'malformed', resource: path, text } };
  }

  async bundle(index: number): Promise<FoundBundle> {
    const width = tileWidth({ level: 0, index }, this.#size);
    const read = await this.#read((wide) => entryBundlePath({ index, width: wide }), width, MAX_BUNDLE_BYTES);
    if (read.problem !== undefined) return read;
    const { path, bytes, isFull } = read;
    const bundle = readBundle(bytes, width, isFull && width < TILE_WIDTH);
    return { path, bytes: bytes.subarray(0, bundle.fault === undefined ? bundle.end : bytes.length), bundle };
  }

  /** What the tile above says that the root of a full tile is; undefined when that tile cannot be had. */
  async claim(level: number, index: number): Promise<Uint8Array | undefined> {
    const slot = index % TILE_WIDTH;
    const above = await this.tile(level + 1, (index - slot) / TILE_WIDTH);
    return above.bytes?.subarray(slot * HASH_SIZE, (slot + 1) * HASH_SIZE);
  }

  /**
   * SPEC: C2SP tlog-tiles, "Partial tiles": one may be gone once the full one is there, whose beginning is the same.
   */
  async #read(
    pathOf: (width: number) => string,
    width: number,
    maxBytes: number,
  ): Promise<
    { path: string; bytes: Uint8Array; isFull: boolean; problem?: undefined } | { path: string; problem: TreeProblem }
  > {
    const path = pathOf(width);
    for (const wide of width === TILE_WIDTH ? [width] : [width, TILE_WIDTH]) {
      try {
        const bytes = await this.#source.read(pathOf(wide), maxBytes + SLACK_BYTES);
        if (bytes === undefined) continue;
        this.#counts.bytes += bytes.length;
        return { path: pathOf(wide), bytes, isFull: wide === TILE_WIDTH };
      } catch (error) {
        if (!(error instanceof SourceError) || error.code === 'unreachable') throw error;
        return { path, problem: { code: 'unreadable', resource: pathOf(wide), text: error.message } };
      }
    }
    return { path, problem: { code: 'missing', resource: path, text: `${path} is missing` } };
  }
}
