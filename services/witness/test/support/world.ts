import assert from 'node:assert/strict';
import {
  formatNote,
  parseAddCheckpointRequest,
  parseCosignatureAnswer,
  parseSignedCheckpoint,
} from '@sigstead/formats';
import { createMetrics, silentLogger } from '@sigstead/platform';
import { Cosigner } from '../../src/core/cosigner.ts';
import { Outage, type OutageCode } from '../../src/core/errors.ts';
import { logVerifiers } from '../../src/core/known-log.ts';
import { createWitnessMetrics } from '../../src/metrics.ts';
import { FolderLogStore } from '../../src/store/log-store.ts';
import { initStateFolder, openStateFolder } from '../../src/store/state-folder.ts';
import { type Answer, WitnessedLog } from '../../src/work/witnessed-log.ts';
import { MemoryFiles } from './memory-files.ts';
import { NAME, testClock, testSigner } from './run-witness.ts';
import { rootOf, type TestLog } from '@sigstead/test';

const FOLDERS = { folder: '/witness/state', markFolder: '/other/marks' };

/** A cosignature that left the witness. */
export interface Released {
  readonly size: number;
  readonly root: Buffer;
  readonly timestampSec: number;
}

export type Outcome = Answer | { readonly kind: 'outage'; readonly code: OutageCode } | { readonly kind: 'died' };

/** A witness of one log on a disk that polices; it may die and be started again any number of times. */
export class World {
  readonly files = new MemoryFiles();
  readonly clock = testClock();
  readonly cosigner = new Cosigner({ name: NAME, signer: testSigner() });
  readonly released: Released[] = [];
  readonly #log: TestLog;
  #witnessed: WitnessedLog | undefined;

  constructor(log: TestLog) {
    this.#log = log;
  }

  /** The machine is installed and the witness starts for the first time. */
  async init(): Promise<void> {
    const { files, cosigner } = this;
    for (const folder of ['/witness', '/other']) await files.makeFolder(folder);
    await files.syncFolder('/');
    await initStateFolder({ files, ...FOLDERS, vkey: cosigner.vkey });
    await this.start();
  }

  /** A new process. */
  async start(): Promise<void> {
    const { files, cosigner, clock } = this;
    await openStateFolder({ files, ...FOLDERS, vkey: cosigner.vkey });
    const { origin, spec } = this.#log;
    this.#witnessed = new WitnessedLog({
      origin,
      cosigner,
      clock,
      logger: silentLogger,
      maxClockBehindSec: 60,
      verifiers: logVerifiers(spec),
      store: new FolderLogStore({ files, ...FOLDERS, origin }),
      metrics: createWitnessMetrics(createMetrics()),
    });
  }

  /** One request; what is released is kept for the judge. */
  async ask(body: Uint8Array): Promise<Outcome> {
    assert.ok(this.#witnessed);
    const request = parseAddCheckpointRequest(body);
    const asked = this.#witnessed.addCheckpoint(request).catch((error: unknown): Outcome => {
      assert.ok(error instanceof Outage, String(error));
      return { kind: 'outage', code: error.code };
    });
    const outcome = await Promise.race([asked, this.files.died.then((): Outcome => ({ kind: 'died' }))]);
    if (outcome.kind === 'cosigned') this.#keep(formatNote(request.note.text, [outcome.lines]));
    return outcome;
  }

  /** What monitors see counts as released, too. */
  async look(): Promise<string | undefined> {
    const looked = this.#witnessed?.latest().catch(() => undefined);
    const note = await Promise.race([looked, this.files.died.then(() => undefined)]);
    if (note !== undefined) this.#keep(note);
    return note;
  }

  /** Asks as an honest log does: it learns its old size from a 409, and comes again after an outage. */
  async persist(leaves: readonly string[]): Promise<Outcome> {
    let oldSize = 0;
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.ask(this.#log.request(oldSize, leaves));
      const isStale = outcome.kind === 'refused' && outcome.code === 'stale';
      if (isStale) oldSize = outcome.size;
      if (attempt >= 3 || !(isStale || outcome.kind === 'outage')) return outcome;
    }
  }

  #keep(note: string): void {
    const { checkpoint, note: parsed } = parseSignedCheckpoint(note);
    const own = this.cosigner.find(parsed);
    assert.ok(own !== undefined && parseCosignatureAnswer(note.slice(note.lastIndexOf('\u2014'))).length === 1);
    const root = Buffer.from(checkpoint.root);
    this.released.push({ size: checkpoint.size, root, timestampSec: own.timestampSec });
  }

  /** Whether all that was ever released is of one tree that grows, in the order of release. `trees`: all the log ever signed. */
  check(trees: readonly (readonly string[])[]): void {
    for (const [index, one] of this.released.entries()) {
      const before = this.released[index - 1];
      if (before !== undefined) {
        assert.ok(before.size <= one.size, `size went back from ${before.size} to ${one.size}`);
        assert.ok(before.timestampSec <= one.timestampSec, 'time went back');
      }
      const inOneTree = this.released
        .slice(0, index)
        .every((other) => trees.some((tree) => isPrefix(tree, one) && isPrefix(tree, other)));
      assert.ok(inOneTree, `size ${one.size} contradicts what was cosigned before`);
    }
  }
}

/** The slow way to know that a head is one of this tree. */
function isPrefix(tree: readonly string[], { size, root }: Released): boolean {
  return size <= tree.length && rootOf(tree.slice(0, size)).equals(root);
}
