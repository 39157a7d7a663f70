import { formatAddCheckpointRequest, type NoteVerifier, type PolicyWitness, verifierOf } from '@sigstead/formats';
import type { Clock } from '@sigstead/platform';
import { judgeAnswer, type Verdict, type WitnessFailure } from '../core/witness/answer.ts';
import { linkedSignal } from './linked-signal.ts';
import type { WitnessMetrics } from './metrics.ts';
import { askWitness, type Fetch, NoAnswer } from './question.ts';
import type { Target } from './target.ts';

/** SPEC: rekor-tiles: tries of one question, and the pauses between them, which double up to the longest. */
const TRIES = 3;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;

/** What becomes of a question. `overtaken`: there was a newer checkpoint to be asked about by the time of its turn. */
export type Outcome =
  | { kind: 'cosigned'; line: string }
  | { kind: 'overtaken' }
  | { kind: 'failed'; reason: WitnessFailure; detail: string };

/** What a witness said that contradicts the log, or goes beyond it. */
export interface Objection {
  witness: string;
  target: Target;
  detail: string;
  answer: Uint8Array;
  /** Size that it claims to have seen, when that is the objection. */
  claimedSize?: number;
}

export interface AskerOptions {
  witness: PolicyWitness;
  /** Where questions go. */
  url: string;
  fetch: Fetch;
  clock: Clock;
  metrics: WitnessMetrics;
  /** For one question, all its tries together. */
  timeoutMs: number;
  /** Resolves after that time, or at once when the signal is aborted. */
  wait: (ms: number, signal: AbortSignal) => Promise<void>;
  closing: AbortSignal;
  onObjection: (objection: Objection) => void;
}

/**
 * One witness of one log, asked one question at a time: a slow one is waited for in the background, and asked next about
 * what is newest then. What size it knows is remembered; it says so itself when that is wrong.
 */
export class WitnessAsker {
  readonly witness: PolicyWitness;
  readonly verifier: NoteVerifier;
  readonly #options: AskerOptions;
  #knownSize = 0;
  #busy: Promise<unknown> = Promise.resolve();
  #wanted: Target | undefined;

  constructor(options: AskerOptions) {
    this.#options = options;
    this.witness = options.witness;
    this.verifier = verifierOf(options.witness.key);
  }

  /** A size that it has cosigned, as its own line says: better than none to begin with. */
  suppose(size: number): void {
    this.#knownSize = Math.max(this.#knownSize, size);
  }

  /** Never throws. */
  async cosign(target: Target): Promise<Outcome> {
    this.#wanted = target;
    await this.#busy;
    if (this.#wanted !== target || this.#options.closing.aborted) return { kind: 'overtaken' };
    const asking = this.#ask(target);
    this.#busy = asking;
    return asking;
  }

  async #ask(target: Target): Promise<Outcome> {
    const { timeoutMs, closing, metrics } = this.#options;
    const startedMs = performance.now();
    using limit = linkedSignal([closing], timeoutMs);
    const outcome = await this.#tries(target, limit.signal);
    if (closing.aborted) return { kind: 'overtaken' };
    const result = outcome.kind === 'failed' ? outcome.reason : outcome.kind;
    metrics.asked(this.witness.name, result, (performance.now() - startedMs) / 1000);
    return outcome;
  }

  async #tries(target: Target, signal: AbortSignal): Promise<Outcome> {
    for (let tries = 1; ; tries++) {
      const verdict = await this.#once(target, signal);
      if (verdict.kind === 'cosigned') {
        this.#knownSize = target.state.head.size;
        return verdict;
      }
      if (verdict.kind === 'ahead')
        return { kind: 'failed', reason: 'ahead', detail: `it claims size ${verdict.size}` };
      if (verdict.kind === 'knows') {
        this.#knownSize = verdict.size;
        if (tries < TRIES) continue;
        return { kind: 'failed', reason: 'malformed', detail: 'each time it says that it knows another size' };
      }
      if (!verdict.again || tries >= TRIES) return verdict;
      await this.#options.wait(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 5 ** (tries - 1)), signal);
    }
  }

  async #once(target: Target, signal: AbortSignal): Promise<Verdict> {
    const { url, fetch, clock, onObjection } = this.#options;
    const { head } = target.state;
    const oldSize = Math.min(this.#knownSize, head.size);
    try {
      const proof = await target.proofFrom(oldSize);
      const note = Buffer.from(target.note).toString('utf8');
      const answer = await askWitness(fetch, {
        url,
        body: formatAddCheckpointRequest({ oldSize, proof, note }),
        signal,
      });
      const question = { oldSize, size: head.size, text: target.text, verifier: this.verifier };
      const verdict = judgeAnswer(answer, { ...question, signedMs: head.timestampMs, nowMs: clock.nowMs() });
      const said = { witness: this.witness.name, target, answer: answer.body };
      if (verdict.kind === 'ahead') {
        onObjection({ ...said, detail: `a witness claims size ${verdict.size}`, claimedSize: verdict.size });
      } else if (verdict.kind === 'failed' && verdict.reason === 'contradicts') {
        onObjection({ ...said, detail: verdict.detail });
      }
      return verdict;
    } catch (error) {
      if (error instanceof NoAnswer) {
        const { reason, message } = error;
        return { kind: 'failed', reason, detail: message, again: reason === 'unreachable' && !signal.aborted };
      }
      return { kind: 'failed', reason: 'no_proof', detail: `it could not be asked: ${String(error)}`, again: false };
    }
  }
}
