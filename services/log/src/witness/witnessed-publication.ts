import { equalHashes } from '@sigstead/merkle';
import type { Clock, Logger } from '@sigstead/platform';
import { LogError } from '../core/errors.ts';
import type { Personality, StoredHead } from '../core/ports.ts';
import { SharedRun } from '../core/shared-run.ts';
import { asContradiction, checkHeadNote, halted, isOlder, nameHead } from '../core/state.ts';
import type { PublicationStore, PublishedHead } from '../core/witness/ports.ts';
import type { Tree } from '../engine/tree.ts';
import type { Publication, Shown } from '../publication.ts';
import type { AnswerReads } from '../read/answers.ts';
import type { LogReader } from '../read/log-reader.ts';
import { Waiting } from './waiting.ts';

/** How long a checkpoint is held back to look for a newer one; where others answer at the same address; and once it is known to be there. */
const PATIENCE_MS = 300;
const SHARED_PATIENCE_MS = 2000;
const NEWS_PATIENCE_MS = 5000;

export interface WitnessedPublicationOptions {
  store: PublicationStore;
  tree: Tree;
  /** For entries from long ago: what readers get. */
  reader: LogReader;
  /** For everything that others wait for. */
  answers: AnswerReads;
  personality: Personality;
  clock: Clock;
  logger: Logger;
  /** How long an answer waits for its publication, ms. */
  waitMs: number;
  /** Answers that may wait at once. */
  maxWaiting: number;
  /** Looks this often for what other processes published, while somebody waits; ms. */
  pollMs: number;
  /** See LogOptions. */
  checkpointAgeMs: number;
  /** Shows nothing that was published without a quorum, as it may have been before this was set, or by another process. */
  quorumOnly: boolean;
  /** Called with every publication that this process takes over. */
  onShown: () => void;
}

/**
 * What a witnessed log shows: the newest row of its publications. A row is believed once a COMMIT behind it is acknowledged,
 * its note verifies, and its root is the one that this process's own tree has at that size.
 */
export class WitnessedPublication implements Publication {
  readonly isWitnessed = true;
  readonly #options: WitnessedPublicationOptions;
  readonly #waiting: Waiting<Shown>;
  readonly #catchingUp = new SharedRun(() => this.#settle());
  readonly #looking = new SharedRun(() => this.#look());
  #head: PublishedHead | undefined;
  /** What the newest look without a lock found: others may have shown it. */
  #heard: Pick<StoredHead, 'size' | 'ordinal'> | undefined;
  #lookedMs = Number.NEGATIVE_INFINITY;
  /** Set by who does the witnessing. */
  reportTrouble: () => string | undefined = () => undefined;

  constructor(options: WitnessedPublicationOptions) {
    this.#options = options;
    const { waitMs, maxWaiting, pollMs, logger } = options;
    this.#waiting = new Waiting({
      waitMs,
      maxWaiting,
      pollMs,
      current: () => this.shown,
      assertHope: () => options.tree.assertRunning(),
      look: () =>
        this.catchUpIfBehind().catch((error: unknown) => logger.warn({ error }, 'cannot look for a newer publication')),
    });
  }

  /** The newest publication that this process has taken over, whether it may be shown or not. */
  get head(): PublishedHead | undefined {
    return this.#head;
  }

  get shown(): Shown | undefined {
    // Throws when the log has nothing that could be shown.
    const { edge } = this.#options.tree.published;
    const head = this.#head;
    if (head === undefined || (this.#options.quorumOnly && !head.quorum)) return undefined;
    return { head, edge };
  }

  checkRoom(): void {
    this.#waiting.checkRoom();
  }

  async newest(nowMs: number): Promise<Shown> {
    await this.#refresh(nowMs);
    return this.shown ?? this.covering(-1);
  }

  async covering(index: number, signal?: AbortSignal): Promise<Shown> {
    return this.#waiting.until(index, signal);
  }

  async inclusion(
    index: number,
    leafHash: Uint8Array,
    signal?: AbortSignal,
  ): Promise<{ head: StoredHead; proof: Uint8Array[] }> {
    const { head, edge } = await this.covering(index, signal);
    const { reader, answers } = this.#options;
    // Who asks for what is old, and was submitted by anybody, takes nothing from those whose entries are new.
    const from = index < edge.size - answers.recent ? reader : answers.reader;
    return from.inclusion(index, leafHash, head);
  }

  catchUp(): Promise<void> {
    return this.#catchingUp.run();
  }

  async catchUpIfBehind(): Promise<void> {
    if (this.#options.tree.haltedBy === undefined) await this.#looking.run();
  }

  trouble(): string | undefined {
    return this.reportTrouble();
  }

  /** Nobody is kept waiting any more. */
  close(): void {
    this.#waiting.end(new LogError('closing', 'log is temporarily unavailable'));
  }

  /** Takes over a publication that is durable. An older one than is shown changes nothing. Throws `halted`, and as Tree.catchUp(). */
  async adopt(head: PublishedHead): Promise<void> {
    const { tree, onShown } = this.#options;
    try {
      await this.#prove(head);
    } catch (error) {
      if (error instanceof LogError && error.code === 'halted') tree.halt(error);
      throw error;
    }
    if (!isNewer(head, this.#head)) return;
    this.#head = head;
    this.#waiting.notice();
    onShown();
  }

  async #prove(head: PublishedHead): Promise<void> {
    const { tree, answers, personality } = this.#options;
    checkHeadNote(personality, head);
    if (tree.published.head.size < head.size) await tree.catchUp();
    tree.assertRunning();
    const { edge } = tree.published;
    if (edge.size < head.size) throw halted(`size ${head.size} was published, the log has ${edge.size}`);
    const root = await answers.tiles.rootAt(edge, head.size).catch(asContradiction);
    if (equalHashes(root, head.root)) return;
    const ours = nameHead({ size: head.size, root });
    throw halted(`what was published (${nameHead(head)}) is not of this tree, which had ${ours}`);
  }

  async #look(): Promise<void> {
    this.#heard = await this.#options.store.peek();
    if (this.#hasNews()) await this.catchUp();
  }

  async #settle(): Promise<void> {
    const { store, tree } = this.#options;
    tree.assertRunning();
    const head = await store.settle();
    if (head !== undefined && isNewer(head, this.#head)) await this.adopt(head);
  }

  /** A log that has halted takes nothing over: it shows what it has. */
  #hasNews(): boolean {
    return this.#heard !== undefined && this.#options.tree.haltedBy === undefined && isNewer(this.#heard, this.#head);
  }

  /** As Tree.refresh(): what is shown while the database is slow or away is older, never wrong. */
  async #refresh(nowMs: number): Promise<void> {
    const { checkpointAgeMs: maxAgeMs, logger } = this.#options;
    if (nowMs - this.#lookedMs < maxAgeMs && nowMs >= this.#lookedMs) return;
    this.#lookedMs = nowMs;
    const looked = this.catchUpIfBehind().catch((error: unknown) => {
      logger.warn({ error }, 'cannot look for a newer publication');
    });
    await atMost(looked, maxAgeMs === 0 ? SHARED_PATIENCE_MS : PATIENCE_MS);
    if (maxAgeMs > 0 || !this.#hasNews()) return;
    await atMost(looked, NEWS_PATIENCE_MS);
    if (this.#hasNews()) throw new LogError('unavailable', 'log is temporarily unavailable');
  }
}

function isNewer(
  a: Pick<StoredHead, 'size' | 'ordinal'>,
  b: Pick<StoredHead, 'size' | 'ordinal'> | undefined,
): boolean {
  return b === undefined || isOlder(b, a);
}

/** Resolves with the work, or without it after so long. */
async function atMost(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, enough]);
  clearTimeout(timer);
}
