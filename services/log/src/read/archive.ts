import { entryBundlePath, TILE_WIDTH, tilePath } from '@sigstead/merkle';
import { MAX_BUNDLE_BYTES } from '../core/entry-bundle.ts';
import { withPatience } from './patience.ts';

/** Where full tiles and bundles of a log are kept beside the database. Nothing that comes from there is believed. */
export interface Archive {
  /** Undefined when there is none of that name, or the place cannot be asked yet. May throw anything. */
  get(name: string, maxBytes: number): Promise<Uint8Array | undefined>;
}

/** Longest wait for an answer before the database is asked instead. */
const PATIENCE_MS = 1500;

/** How long nothing is asked after a failure: each read would pay for another one. */
const REST_MS = 5000;

const TILE_BYTES = TILE_WIDTH * 32;

/** An archive that is slow or away costs its readers little. Never throws: what it has not got is read elsewhere. */
export class ArchiveReader {
  readonly #archive: Archive;
  readonly #nowMs: () => number;
  readonly #onFailure: (error: unknown) => void;
  #restUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: { archive: Archive; nowMs: () => number; onFailure: (error: unknown) => void }) {
    this.#archive = options.archive;
    this.#nowMs = options.nowMs;
    this.#onFailure = options.onFailure;
  }

  /** Bytes that stand under the name of a full tile. */
  tile(level: number, index: number): Promise<Uint8Array | undefined> {
    return this.#get(tilePath({ level, index, width: TILE_WIDTH }), TILE_BYTES);
  }

  /** Bytes that stand under the name of a full bundle. */
  bundle(index: number): Promise<Uint8Array | undefined> {
    return this.#get(entryBundlePath({ index, width: TILE_WIDTH }), MAX_BUNDLE_BYTES);
  }

  async #get(name: string, maxBytes: number): Promise<Uint8Array | undefined> {
    if (this.#nowMs() < this.#restUntilMs) return undefined;
    try {
      return await withPatience(this.#archive.get(name, maxBytes), PATIENCE_MS);
    } catch (error) {
      this.#restUntilMs = this.#nowMs() + REST_MS;
      this.#onFailure(error);
      return undefined;
    }
  }
}
