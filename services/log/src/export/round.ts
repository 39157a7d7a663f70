import { TILE_WIDTH, type TilePath } from '@sigstead/merkle';
import { judgeForeignHead } from '../core/foreign-head.ts';
import type { HeadClaim } from '../core/ports.ts';
import { sameHead } from '../core/state.ts';
import type { Shown } from '../publication.ts';
import { ExportAlarm } from './alarm.ts';
import { type ExportObject, type ObjectStore, ObjectStoreError, sameBytes, type StoredObject } from './object-store.ts';
import { fullCounts, fullPath, partialPaths, type Progress, progressAt } from './plan.ts';
import { type ExportSource, nameOf, provenBytes } from './source.ts';

export const CHECKPOINT = 'checkpoint';

/** Far above any note with all its cosignatures. */
const MAX_CHECKPOINT_BYTES = 65_536;

/** Objects written at once. Few, because their bytes are in memory, and because answering goes first. */
const PARALLEL = 4;

/** A full tile or bundle never changes; a partial one may be removed once the full one is there. */
const IMMUTABLE = 'public, max-age=604800, immutable';
const SHORT = 'public, max-age=60';
const FRESH = 'no-cache';

export interface RoundDependencies {
  source: ExportSource;
  target: ObjectStore;
  onObject: (result: 'created' | 'same') => void;
  /** Asked between writes: true ends the round early, with nothing half done that matters. */
  isClosing: () => boolean;
}

/**
 * - `exported`   the target now shows the tree that was published when the round began
 * - `current`    it did already
 * - `overtaken`  another process was faster; look again
 * - `closing`
 */
export type RoundOutcome = 'exported' | 'current' | 'overtaken' | 'closing';

/** What stands in the target and what it says, verified; undefined when there is no checkpoint yet. */
interface Standing {
  object: StoredObject;
  claim: HeadClaim;
}

/**
 * Brings one log to one target, a whole published tree at a time. The cursor is the checkpoint in the target: it is written
 * last, so all that its tree has is there. If we die anywhere, the next round finds that cursor and repeats, and what it
 * finds written already is the same. Keeps what it wrote in memory, so a round that failed is continued.
 */
export class Rounds {
  readonly #deps: RoundDependencies;
  #progress: Progress = progressAt(0);
  /** Size of the checkpoint that this process last saw in the target. */
  #seenSize = 0;

  constructor(deps: RoundDependencies) {
    this.#deps = deps;
  }

  /** Throws ExportAlarm; anything else passes. */
  async round(): Promise<RoundOutcome> {
    const standing = await this.#standing();
    this.#notice(standing?.claim.size ?? 0);
    const state = await this.#judge(standing);
    if (state === undefined) return 'current';
    this.#continueFrom(standing?.claim.size ?? 0);
    if (!(await this.#copyFull(state))) return 'closing';
    await this.#copyAll(state, partialPaths(state.head.size));
    const checkpoint = object(state.head.note, 'text/plain; charset=utf-8', FRESH);
    const replaced = await this.#deps.target.replaceIf(CHECKPOINT, checkpoint, standing?.object.tag);
    if (replaced === 'lost') {
      // Somebody's checkpoint stood there: if there is none the next time, it was taken away.
      this.#seenSize = Math.max(1, this.#seenSize);
      return 'overtaken';
    }
    this.#seenSize = state.head.size;
    return 'exported';
  }

  async #standing(): Promise<Standing | undefined> {
    const { source, target } = this.#deps;
    try {
      const object = await target.get(CHECKPOINT, MAX_CHECKPOINT_BYTES);
      if (object === undefined) return undefined;
      return { object, claim: openOwn(source, object.bytes) };
    } catch (error) {
      if (error instanceof ObjectStoreError && error.code === 'too_large') throw foreign(error);
      throw error;
    }
  }

  /** What to export, or undefined when there is nothing to do. */
  async #judge(standing: Standing | undefined): Promise<Shown | undefined> {
    const { source } = this.#deps;
    let state = source.published();
    if (standing === undefined || state === undefined) return state;
    const { claim, object: there } = standing;
    if (claim.size === state.head.size && sameBytes(there.bytes, state.head.note)) return undefined;
    if (claim.size >= state.head.size) {
      // Another process may be ahead of us. What it exported was committed, so after this it is in our tree too.
      await source.catchUp();
      state = source.published() ?? state;
    }
    await checkContains(source, there.bytes);
    // What stands there was shown before witnesses were asked: nothing smaller takes its place.
    if (claim.size > state.head.size) return undefined;
    // A head has several notes; ours was read after theirs was written, so it is not an older one.
    return sameHead(claim, state.head) && sameBytes(there.bytes, state.head.note) ? undefined : state;
  }

  /** In every round: a target that was set back or emptied since the last look may lack what we remember having written. */
  #notice(size: number): void {
    if (size < this.#seenSize) this.#progress = progressAt(0);
    this.#seenSize = size;
  }

  #continueFrom(size: number): void {
    this.#progress = progressAt(size).map((count, kind) => Math.max(count, this.#progress[kind] ?? 0));
  }

  /** False when it ended early. */
  async #copyFull(state: Shown): Promise<boolean> {
    for (const { kind, count } of fullCounts(state.head.size)) {
      for (let next = this.#progress[kind] ?? 0; next < count; ) {
        if (this.#deps.isClosing()) return false;
        const end = Math.min(count, next + PARALLEL);
        const paths = Array.from({ length: end - next }, (_, i) => fullPath(kind, next + i));
        await this.#copyAll(state, paths);
        this.#progress[kind] = next = end;
      }
    }
    return true;
  }

  async #copyAll(state: Shown, paths: readonly TilePath[]): Promise<void> {
    // All are waited for, so that nothing is under way any more when the round has failed.
    const results = await Promise.allSettled(paths.map((path) => this.#copy(state, path)));
    const errors = results.flatMap((result): unknown[] => (result.status === 'rejected' ? [result.reason] : []));
    if (errors.length > 0) throw errors.find((error) => error instanceof ExportAlarm) ?? errors[0];
  }

  async #copy(state: Shown, path: TilePath): Promise<void> {
    const { source, target, onObject } = this.#deps;
    const bytes = await provenBytes(source, state.edge, path);
    const cacheControl = path.width === TILE_WIDTH ? IMMUTABLE : SHORT;
    const result = await target.createOnly(nameOf(path), object(bytes, 'application/octet-stream', cacheControl));
    if (result === 'different') {
      throw new ExportAlarm('different_object', `${nameOf(path)} stands in the target with other bytes`);
    }
    onObject(result);
  }
}

/** Our tree must contain what was exported under our signature. */
async function checkContains(source: ExportSource, note: Uint8Array): Promise<void> {
  const { head, edge } = source.tree();
  const verdict = await judgeForeignHead(note, {
    head,
    rootAt: (size) => source.rootAt(edge, size),
    openHead: (bytes) => source.openHead(bytes),
  });
  if (verdict.kind === 'consistent') return;
  if (verdict.kind === 'alarm') throw new ExportAlarm('foreign_checkpoint', `in the target, ${verdict.detail}`);
  const code = verdict.claim.size > head.size ? 'larger_checkpoint' : 'forked_checkpoint';
  const { error } = verdict;
  throw new ExportAlarm(code, `the checkpoint in the target: ${error.detail ?? error.message}`, { cause: error });
}

function openOwn(source: ExportSource, note: Uint8Array): HeadClaim {
  try {
    return source.openHead(note);
  } catch (cause) {
    throw foreign(cause);
  }
}

function foreign(cause: unknown): ExportAlarm {
  const text = `the checkpoint in the target is not one of this log: ${String(cause)}`;
  return new ExportAlarm('foreign_checkpoint', text, { cause });
}

function object(bytes: Uint8Array, contentType: string, cacheControl: string): ExportObject {
  return { bytes, contentType, cacheControl };
}
