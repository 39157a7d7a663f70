import { fullTileCount } from '@sigstead/merkle';
import type { ObjectStore } from './object-store.ts';
import { fullCounts, fullPath, progressAt } from './plan.ts';
import { nameOf } from './source.ts';

/** Size up to which superseded forms were removed: a number that only saves work, wherever it stands. */
export const CURSOR = '.export/superseded';

const HEADERS = { contentType: 'text/plain; charset=utf-8', cacheControl: 'no-store' };

export interface SupersededOptions {
  target: ObjectStore;
  /** How long a partial form stays after a checkpoint that covers the full one was shown, ms. */
  graceMs: number;
  /** Asked between folders. */
  isClosing: () => boolean;
  onRemoved: (objects: number) => void;
}

/**
 * Removes the partial tiles and bundles of what has become full. Clients with an older checkpoint ask for the partial
 * form first; so it stays as long as the full one is not there, and for `graceMs` after a checkpoint that covers it.
 * If we die anywhere, the same is removed again. SPEC: C2SP tlog-tiles, Partial Tiles
 */
export class Superseded {
  readonly #options: SupersededOptions;
  #removedTo: number | undefined;
  /** A checkpoint of this size was seen in the target, and its full tiles with it. */
  #seen: { size: number; atMs: number } | undefined;

  constructor(options: SupersededOptions) {
    this.#options = options;
  }

  /** `size`: of the checkpoint that the target shows now. Removes what is due. */
  async step(size: number, nowMs: number): Promise<void> {
    const { target, graceMs, isClosing } = this.#options;
    const removedTo = (this.#removedTo ??= parseCursor((await target.get(CURSOR, 100))?.bytes));
    const seen = this.#seen;
    const hasWork = seen !== undefined && fullTileCount(0, seen.size) > fullTileCount(0, removedTo);
    // A target that was set back, or a clock that was, begins anew.
    if (seen === undefined || !hasWork || size < seen.size || nowMs < seen.atMs) {
      this.#seen = { size, atMs: nowMs };
      this.#removedTo = Math.min(removedTo, size);
      return;
    }
    if (nowMs - seen.atMs < graceMs) return;
    await this.#remove(removedTo, seen.size);
    if (isClosing()) return;
    this.#seen = { size, atMs: nowMs };
    await target.tidy(nowMs);
  }

  async #remove(from: number, to: number): Promise<void> {
    const { target, isClosing, onRemoved } = this.#options;
    const begin = progressAt(from);
    for (const { kind, count } of fullCounts(to)) {
      for (let index = begin[kind] ?? 0; index < count; index++) {
        if (isClosing()) return;
        onRemoved(await target.removeFolder(`${nameOf(fullPath(kind, index))}.p`));
      }
    }
    const bytes = Buffer.from(`${to}\n`);
    // Whoever was faster has removed the same, or less: then that is removed once more one day.
    await target.replaceIf(CURSOR, { bytes, ...HEADERS }, (await target.get(CURSOR, 100))?.tag);
    this.#removedTo = to;
  }
}

/** Anything else than a number we wrote: from the beginning. */
function parseCursor(bytes: Uint8Array | undefined): number {
  const text = bytes === undefined ? '' : Buffer.from(bytes).toString('latin1');
  return /^(0|[1-9]\d{0,15})\n$/.test(text) ? Number(text) : 0;
}
