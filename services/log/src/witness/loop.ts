import { evaluateWitnessPolicy, type PolicyWitness, type WitnessPolicy } from '@sigstead/formats';
import type { TreeHasher } from '@sigstead/merkle';
import type { Clock, Logger } from '@sigstead/platform';
import { LogError, StoreError } from '../core/errors.ts';
import type { Personality } from '../core/ports.ts';
import { checkNote } from '../core/release.ts';
import type { LogState } from '../core/state.ts';
import { isCosignedBy, withCosignatures, withoutCosignatures } from '../core/witness/note.ts';
import type { PublicationStore, PublishedHead } from '../core/witness/ports.ts';
import type { Tree } from '../engine/tree.ts';
import type { Lease } from '../export/lease.ts';
import type { TileSource } from '../read/tile-source.ts';
import type { Outcome, WitnessAsker } from './asker.ts';
import { Lag } from './lag.ts';
import type { RoundResult, WitnessMetrics } from './metrics.ts';
import { gatherCosignatures } from './round.ts';
import { targetOf } from './target.ts';
import type { WitnessedPublication } from './witnessed-publication.ts';

/** What becomes of a checkpoint that too few witnesses cosigned in time: it is shown all the same, or not. */
export type WitnessMode = 'fail-open' | 'fail-closed';

/** When a log asks its witnesses, in ms. */
export interface WitnessPace {
  /** At least this long from the start of one round to the next. */
  intervalMs: number;
  /** For a round, and for one question to one witness. */
  timeoutMs: number;
  /** Looks this often for what other processes committed, as the one who asks. */
  lookMs: number;
  /** Looks this often whether it is its turn. */
  standbyMs: number;
  /** Pause after a failure of the database; doubles up to ten times that. */
  retryMs: number;
}

export interface WitnessLoopOptions {
  name: string;
  mode: WitnessMode;
  policy: WitnessPolicy;
  askers: readonly WitnessAsker[];
  pace: WitnessPace;
  tree: Tree;
  tiles: TileSource;
  hasher: TreeHasher;
  personality: Personality;
  publication: WitnessedPublication;
  /** Owned by the loop. */
  store: PublicationStore;
  /** Owned by the loop. */
  lease: Lease;
  clock: Clock;
  logger: Logger;
  metrics: WitnessMetrics;
  wait: (ms: number, signal: AbortSignal) => Promise<void>;
  closing: AbortController;
}

/**
 * - `round`    the witnesses were asked
 * - `idle`     what is shown is what there is
 * - `standby`  another process asks
 */
type Turn = 'round' | 'idle' | 'standby' | 'failed' | 'stopped';

/** Rounds without a quorum after which another process may try: it may reach what this one cannot. */
const FRUITLESS_TO_GIVE_WAY = 3;

/**
 * Has each newest checkpoint of one log cosigned, after its commit and mark, and publishes it; what was overtaken meanwhile
 * is never asked about. One process of all does so at a time; if it dies anywhere, another goes on within seconds, and
 * finds in the witnesses' own answers what they have seen. Two at once do no harm: publications never go back.
 */
export class WitnessLoop {
  readonly #options: WitnessLoopOptions;
  readonly #lag: Lag;
  #running: Promise<void> | undefined;
  /** Ends the wait for news. */
  #news = new AbortController();
  #failures = 0;
  #fruitless = 0;
  #isOurs = false;
  #judged: { head: PublishedHead; isWitnessed: boolean } | undefined;
  /** Why each witness that gives nothing does so, by name. */
  readonly #silent = new Map<string, string>();

  constructor(options: WitnessLoopOptions) {
    this.#options = options;
    this.#lag = new Lag(options);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** There may be a new head. Costs nothing and never throws: called between a commit and its answers. */
  tell(): void {
    this.#news.abort();
  }

  /** Why nothing is published; undefined unless nothing is shown without a quorum, and there was none for a while. */
  trouble(): string | undefined {
    return this.#options.mode === 'fail-closed'
      ? this.#lag.trouble([...this.#silent].map(([n, why]) => `${n}: ${why}`))
      : undefined;
  }

  async close(): Promise<void> {
    this.#options.closing.abort();
    this.#news.abort();
    await this.#running;
    this.#options.publication.close();
    await this.#options.lease.close();
    await this.#options.store.close();
  }

  async #run(): Promise<void> {
    const { closing } = this.#options;
    while (!closing.signal.aborted) {
      this.#news = new AbortController();
      const startedMs = performance.now();
      const turn = await this.#attempt();
      if (turn === 'stopped') break;
      await this.#rest(turn, performance.now() - startedMs);
    }
    this.#options.metrics.active(false);
    await this.#options.lease.release();
  }

  async #rest(turn: Exclude<Turn, 'stopped'>, tookMs: number): Promise<void> {
    const { wait, closing, pace } = this.#options;
    const ended = closing.signal;
    if (turn === 'failed') return wait(pace.retryMs * Math.min(10, 2 ** (this.#failures - 1)), ended);
    if (turn === 'standby') return wait(pace.standbyMs, ended);
    // Who closes ends this, too.
    if (turn === 'idle') return wait(pace.lookMs, this.#news.signal);
    if (tookMs < pace.intervalMs) await wait(pace.intervalMs - tookMs, ended);
  }

  async #attempt(): Promise<Turn> {
    const { tree, logger, closing, lease, metrics } = this.#options;
    if (tree.haltedBy !== undefined) return 'stopped';
    try {
      const turn = await this.#turn();
      if (this.#failures > 0) logger.info({ failures: this.#failures }, 'checkpoints can be published again');
      this.#failures = 0;
      return turn;
    } catch (error) {
      if (closing.signal.aborted) return 'stopped';
      if (error instanceof LogError && error.code === 'halted') tree.halt(error);
      this.#failures += 1;
      metrics.round('failed', 0);
      logger.warn({ error, failures: this.#failures }, 'a checkpoint could not be published and will be tried again');
      this.#isOurs = false;
      await lease.release();
      return 'failed';
    } finally {
      this.#lag.show();
    }
  }

  async #turn(): Promise<Turn> {
    const { tree, publication } = this.#options;
    if (!(await this.#hold())) {
      // So that this process knows how far behind it is, too.
      await tree.catchUpIfBehind();
      await publication.catchUpIfBehind();
      return 'standby';
    }
    await tree.catchUpIfBehind();
    const state = tree.published;
    if (isCovered(state, publication.head) && this.#isWitnessed(publication.head)) return 'idle';
    const startedMs = performance.now();
    const result = await this.#round(state);
    this.#options.metrics.round(result, (performance.now() - startedMs) / 1000);
    if (result === 'no_quorum') await this.#giveWay();
    else if (result === 'quorum') this.#fruitless = 0;
    return 'round';
  }

  /** By the policy of now: the one that it was published under may have been another. */
  #isWitnessed(head: PublishedHead | undefined): boolean {
    if (head === undefined) return false;
    if (this.#judged?.head !== head) {
      const { quorumMet } = evaluateWitnessPolicy(this.#options.policy, Buffer.from(head.note).toString('utf8'));
      this.#judged = { head, isWitnessed: quorumMet };
    }
    return this.#judged.isWitnessed;
  }

  /** Who begins takes over what was published, and what the witnesses are known to have seen by it. */
  async #hold(): Promise<boolean> {
    const { lease, name, metrics, publication, askers } = this.#options;
    const isOurs = await lease.hold(`witness ${name}`);
    metrics.active(isOurs);
    if (isOurs && !this.#isOurs) {
      await publication.catchUp();
      const { head } = publication;
      for (const asker of head === undefined ? [] : askers) {
        if (isCosignedBy(head?.note ?? new Uint8Array(), asker.verifier)) asker.suppose(head?.size ?? 0);
      }
    }
    this.#isOurs = isOurs;
    return isOurs;
  }

  async #giveWay(): Promise<void> {
    this.#fruitless += 1;
    if (this.#fruitless % FRUITLESS_TO_GIVE_WAY !== 0) return;
    this.#isOurs = false;
    await this.#options.lease.release();
    await this.#options.wait(this.#options.pace.standbyMs, this.#options.closing.signal);
  }

  async #round(state: LogState): Promise<RoundResult> {
    const { policy, askers, tiles, hasher, pace, wait, closing, mode, publication } = this.#options;
    // What is shown already, without a quorum, is asked about again only as long as there is nothing newer.
    const isShown = isCovered(state, publication.head);
    const news = this.#news.signal;
    const note = withoutCosignatures(
      state.head.note,
      askers.map(({ verifier }) => verifier),
    );
    const target = targetOf({ state, note, tiles, hasher });
    const { lines, quorum } = await gatherCosignatures({
      policy,
      askers,
      target,
      timeMs: pace.timeoutMs,
      wait,
      ended: isShown ? [closing.signal, news] : [closing.signal],
      onOutcome: (witness, outcome) => this.#note(witness, outcome),
    });
    if (closing.signal.aborted) return 'overtaken';
    if (quorum) return (await this.#publish(state, note, lines, true)) ? 'quorum' : 'overtaken';
    if (isShown) return news.aborted ? 'overtaken' : 'no_quorum';
    if (mode === 'fail-open') await this.#publishOpenly(state, note, lines);
    return 'no_quorum';
  }

  /** The time is up: what is newest by now is shown, so that nobody waits for another round. */
  async #publishOpenly(asked: LogState, note: Uint8Array, lines: readonly string[]): Promise<void> {
    const { tree, publication } = this.#options;
    await tree.catchUpIfBehind();
    const newest = tree.published;
    if (isCovered(newest, publication.head)) return;
    if (newest.head.size === asked.head.size && newest.head.ordinal === asked.head.ordinal) {
      await this.#publish(asked, note, lines, false);
    } else {
      await this.#publish(newest, newest.head.note, [], false);
    }
  }

  /** Resolves to whether it is published, by this call. */
  async #publish(state: LogState, note: Uint8Array, lines: readonly string[], quorum: boolean): Promise<boolean> {
    const { tree, personality, store, publication, clock } = this.#options;
    tree.assertRunning();
    const { size, root, ordinal } = state.head;
    const cosigned = lines.length === 0 ? undefined : withCosignatures(note, lines);
    if (cosigned !== undefined) checkNote(personality, cosigned, state.head);
    const wanted = { size, root, ordinal, note: cosigned, quorum, timestampMs: clock.nowMs() };
    const published = await this.#stored(() => store.publish(wanted));
    if (published === undefined) await publication.catchUp();
    else await publication.adopt(published);
    return published !== undefined;
  }

  /** A COMMIT without an answer may have been one: then it is what stands there now. */
  async #stored(publish: () => Promise<PublishedHead | undefined>): Promise<PublishedHead | undefined> {
    try {
      return await publish();
    } catch (error) {
      if (error instanceof StoreError && error.code === 'unknown') return undefined;
      throw error;
    }
  }

  /** Told when it changes, not each time. */
  #note({ name }: PolicyWitness, outcome: Outcome): void {
    const { logger } = this.#options;
    if (outcome.kind === 'overtaken') return;
    const before = this.#silent.get(name);
    if (outcome.kind === 'cosigned') {
      if (this.#silent.delete(name)) logger.info({ witness: name, before }, 'a witness cosigns again');
      return;
    }
    this.#silent.set(name, outcome.reason);
    if (before !== outcome.reason) {
      logger.warn({ witness: name, reason: outcome.reason, detail: outcome.detail }, 'a witness does not cosign');
    }
  }
}

/** Whether what is shown says all that this state does. */
export function isCovered({ head }: LogState, shown: PublishedHead | undefined): boolean {
  if (shown === undefined || shown.size < head.size) return false;
  return shown.size > head.size || shown.ordinal >= head.ordinal;
}
