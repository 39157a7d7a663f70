import { type AddCheckpointRequest, type NoteVerifier, parseNote } from '@sigstead/formats';
import type { Clock, Logger } from '@sigstead/platform';
import type { Cosigner } from '../core/cosigner.ts';
import { Outage, type RefusalCode } from '../core/errors.ts';
import { judge } from '../core/judge.ts';
import { cosignedNote, logSignatures } from '../core/known-log.ts';
import type { LogStore } from '../core/ports.ts';
import {
  advanced,
  type Cosigned,
  headOf,
  isUnknownOwn,
  type LogState,
  readCosigned,
  readState,
} from '../core/state.ts';
import type { WitnessMetrics } from '../metrics.ts';
import { keepFork, keepPair } from './evidence.ts';
import { Turns } from './turns.ts';

export type Answer =
  | { readonly kind: 'cosigned'; readonly lines: string }
  | { readonly kind: 'refused'; readonly code: Exclude<RefusalCode, 'stale'> }
  /** `size`: of the latest checkpoint that was cosigned */
  | { readonly kind: 'refused'; readonly code: 'stale'; readonly size: number };

export interface WitnessedLogOptions {
  readonly origin: string;
  readonly verifiers: readonly NoteVerifier[];
  readonly cosigner: Cosigner;
  readonly store: LogStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: WitnessMetrics;
  /** Seconds that the clock may be behind the latest cosignature: until then its time is used again. */
  readonly maxClockBehindSec: number;
}

/** Requests of one log that may wait for each other. A log has one question under way at a time, so this is for strangers. */
const MAX_WAITING = 16;

type Request = AddCheckpointRequest & { readonly logLines: readonly string[] };

/**
 * One log and what was cosigned for it. Everything that reads or changes its state runs one after the other, so that what
 * is judged is what is saved. No cosignature leaves before its checkpoint is durable; when saving failed, what the files
 * hold is read and saved again before anything else is judged. If we die at any point, the files hold the checkpoint
 * before or the new one, both consistent with all that was ever shown.
 */
export class WitnessedLog {
  readonly #options: WitnessedLogOptions;
  readonly #turns = new Turns(MAX_WAITING);
  /** Undefined as long as it is not known to be what is durable. */
  #state: LogState | undefined;
  /** The newest that this process knew to be durable: files may not say less. */
  #seen: Cosigned | undefined;
  #halt: Outage | undefined;

  constructor(options: WitnessedLogOptions) {
    this.#options = options;
  }

  get origin(): string {
    return this.#options.origin;
  }

  /** Why nothing is cosigned until an operator has acted, if so. */
  get haltedBy(): string | undefined {
    return this.#halt?.message;
  }

  /** Rejects with Outage. */
  async addCheckpoint(request: AddCheckpointRequest): Promise<Answer> {
    const logLines = logSignatures(request.note, this.#options.verifiers);
    if (logLines === undefined) return { kind: 'refused', code: 'not_signed' };
    return this.#inTurn(async () => this.#answer(await this.#settled(), { ...request, logLines }));
  }

  /** The latest cosigned note; undefined when nothing was cosigned. Rejects with Outage. */
  async latest(): Promise<string | undefined> {
    // What is durable already is shown without waiting for what is under way.
    if (this.#halt === undefined && this.#seen !== undefined) return this.#seen.note;
    return this.#inTurn(async () => (await this.#settled()).latest?.note);
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.#turns.idle();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#turns.isFull) return Promise.reject(new Outage('busy', 'too many requests for one log'));
    return this.#turns.take(work);
  }

  async #answer(state: LogState, request: Request): Promise<Answer> {
    await this.#refuseIfForgotten(state, request);
    await keepFork(state, request, this.#options);
    const judgement = judge(headOf(state), request);
    if (judgement.verdict === 'cosign') return { kind: 'cosigned', lines: await this.#cosign(state, request) };
    const { code } = judgement;
    return code === 'stale' ? { kind: 'refused', code, size: headOf(state).size } : { kind: 'refused', code };
  }

  async #cosign(state: LogState, request: Request): Promise<string> {
    const { cosigner, origin } = this.#options;
    const timestampSec = this.#timeAfter(state);
    const ownLine = await cosigner.cosign(request.note.text, timestampSec);
    const next = readCosigned(cosignedNote(request.note.text, request.logLines, ownLine), origin, cosigner);
    if (next?.timestampSec !== timestampSec) throw new Outage('unavailable', 'our own cosignature does not verify');
    // The same line again is durable already. The log's lines may differ: whoever has the note can leave some out, and make
    // other valid ones of ECDSA signatures, and shall not wear the disk out with it. Only more keys than before are news.
    const known = state.latest?.note.endsWith(ownLine) === true ? parseNote(state.latest.note).signatures.length : 0;
    if (request.logLines.length < known) return ownLine;
    await this.#save(next);
    this.#become(advanced(state, next));
    if (next.head.size !== state.latest?.head.size) await this.#remember(next);
    return ownLine;
  }

  /** Never before the latest cosignature of this log. */
  #timeAfter({ latest }: LogState): number {
    const { clock, maxClockBehindSec } = this.#options;
    const nowSec = Math.floor(clock.nowMs() / 1000);
    const lastSec = latest?.timestampSec ?? 0;
    if (nowSec <= 0 || nowSec < lastSec - maxClockBehindSec) {
      throw new Outage('clock_behind', `the clock (${nowSec}) is behind the latest cosignature (${lastSec})`);
    }
    return Math.max(nowSec, lastSec);
  }

  async #save(next: Cosigned): Promise<void> {
    const saved = this.#options.metrics.saving();
    this.#state = undefined;
    await this.#onFiles(
      'saved',
      this.#options.store.save(next.note, { ...next.head, timestampSec: next.timestampSec }),
    );
    saved();
  }

  #become(state: LogState): void {
    const { origin, metrics } = this.#options;
    this.#state = state;
    if (state.latest === undefined) return;
    this.#seen = state.latest;
    metrics.state(origin, { size: state.latest.head.size, timestampSec: state.latest.timestampSec });
  }

  /** The state, known to be durable: what a killed process has written may not be, so it is written once more. */
  async #settled(): Promise<LogState> {
    if (this.#halt !== undefined) throw this.#halt;
    if (this.#state !== undefined) return this.#state;
    const { store, origin, cosigner } = this.#options;
    const stored = await this.#onFiles('read', store.load());
    let state: LogState;
    try {
      state = readState(stored, origin, cosigner);
      this.#refuseLess(state.latest);
    } catch (error) {
      throw this.#halted(error);
    }
    if (state.latest !== undefined) await this.#save(state.latest);
    this.#become(state);
    return state;
  }

  #refuseLess(latest: Cosigned | undefined): void {
    const seen = this.#seen;
    if (seen === undefined) return;
    if (latest === undefined || latest.head.size < seen.head.size || latest.timestampSec < seen.timestampSec) {
      throw new Outage('halted', 'the state was set back while the witness runs');
    }
  }

  /** A checkpoint that bears our own cosignature, and that our state does not know, was cosigned by a state that is lost. */
  async #refuseIfForgotten(state: LogState, { note, checkpoint, signed }: Request): Promise<void> {
    const own = this.#options.cosigner.find(note);
    if (own === undefined || !isUnknownOwn(state, checkpoint, own.timestampSec)) return;
    const cosigned = state.latest?.note ?? 'nothing was cosigned\n';
    await keepPair({ name: `forgotten-${checkpoint.size}`, cosigned, submitted: signed }, this.#options);
    const known = headOf(state).size;
    const reason = `size ${checkpoint.size} bears our own cosignature and the state knows ${known}: it was set back`;
    throw this.#halted(new Outage('halted', reason));
  }

  #halted(error: unknown): unknown {
    if (!(error instanceof Outage) || error.code !== 'halted') return error;
    const { origin, logger, metrics } = this.#options;
    this.#halt = error;
    metrics.halted(origin, true);
    logger.error({ log: origin, reason: error.message }, 'nothing is cosigned for this log until its state is right');
    return error;
  }

  async #remember(next: Cosigned): Promise<void> {
    try {
      await this.#options.store.remember(next.note);
    } catch (error) {
      this.#options.logger.warn({ log: this.origin, error }, 'the history of a log could not be written');
    }
  }

  async #onFiles<T>(what: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (cause) {
      if (cause instanceof Outage) throw this.#halted(cause);
      throw new Outage('unavailable', `the state cannot be ${what}`, { cause });
    }
  }
}
