import type { Checkpoint } from '@sigstead/formats';
import { equalHashes, type TreeHasher } from '@sigstead/merkle';
import { type CheckpointRules, openCheckpoint } from './checkpoint.ts';
import { hex, type TreeProblem } from './report.ts';
import type { FoundNote } from './source.ts';
import type { TileBuilder } from './tile-builder.ts';

/** A checkpoint of the log that lies beside it, or that a client, a witness or an operator has kept. */
export interface HeldNote {
  /** For the report. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

interface Held {
  readonly name: string;
  readonly checkpoint: Checkpoint;
}

/** Compares notes with the tree as it grows: each must be of this very tree, so they are also consistent with each other. */
export class HeldNotes {
  readonly problems: TreeProblem[] = [];
  readonly #hasher: TreeHasher;
  /** Smallest first. */
  readonly #open: Held[] = [];

  constructor(notes: readonly FoundNote[], rules: CheckpointRules, hasher: TreeHasher) {
    this.#hasher = hasher;
    for (const note of notes) {
      const { name } = note;
      if ('problem' in note) {
        this.#say(name, note.problem);
        continue;
      }
      const opened = openCheckpoint(note.bytes, rules);
      if (opened.problem === undefined) this.#open.push({ name, checkpoint: opened.checkpoint });
      else this.#say(name, opened.problem.text);
    }
    this.#open.sort((a, b) => a.checkpoint.size - b.checkpoint.size);
  }

  /** Before a level-0 tile is added: the trees that end within it. */
  within(builder: TileBuilder, leafTile: Uint8Array): void {
    const end = builder.size + leafTile.length / 32;
    this.#compare(
      (size) => size < end,
      (size) => (size === 0 ? this.#hasher.empty() : builder.rootWithin(leafTile, size)),
    );
  }

  /** After it was added. */
  at(builder: TileBuilder): void {
    this.#compare(
      (size) => size === builder.size,
      () => (builder.size === 0 ? this.#hasher.empty() : builder.root()),
    );
  }

  /** When the log has come to its end. */
  finish(size: number): void {
    for (const { name, checkpoint } of this.#open.splice(0)) {
      this.#say(name, `it says ${checkpoint.size} entries, the log has ${size}`);
    }
  }

  #compare(isDue: (size: number) => boolean, rootOf: (size: number) => Uint8Array): void {
    for (let next = this.#open[0]; next !== undefined && isDue(next.checkpoint.size); next = this.#open[0]) {
      this.#open.shift();
      const { size, root } = next.checkpoint;
      const derived = rootOf(size);
      if (equalHashes(derived, root)) continue;
      this.#say(next.name, `it is of another tree: at size ${size} the log makes ${hex(derived)}, it has ${hex(root)}`);
    }
  }

  #say(name: string, text: string): void {
    this.problems.push({ code: 'note', resource: name, text: `${name}: ${text}` });
  }
}
