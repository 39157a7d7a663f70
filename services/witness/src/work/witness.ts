import { type AddCheckpointRequest, FormatError, parseAddCheckpointRequest } from '@sigstead/formats';
import type { Logger } from '@sigstead/platform';
import { Outage } from '../core/errors.ts';
import type { WitnessMetrics } from '../metrics.ts';
import type { Answer, WitnessedLog } from './witnessed-log.ts';

/** Requests under way in all logs: each is a signature or two and a few writes. */
const MAX_WORKING = 64;

/**
 * Bytes of a checkpoint's text. It is three short lines, and extension lines that the specification advises against; some of
 * each log are kept in memory.
 */
const MAX_TEXT_BYTES = 4096;

export interface WitnessParts {
  /** By SHA-256 of the origin, in hex. */
  readonly logs: ReadonlyMap<string, WitnessedLog>;
  readonly hashOf: (origin: string) => string;
  readonly logger: Logger;
  readonly metrics: WitnessMetrics;
}

/** All logs of one witness. */
export class Witness {
  readonly #parts: WitnessParts;
  #working = 0;

  constructor(parts: WitnessParts) {
    this.#parts = parts;
  }

  /** What a log asks. Never rejects with anything but Outage. */
  async addCheckpoint(body: Uint8Array): Promise<Answer> {
    const { metrics, logs, hashOf } = this.#parts;
    const request = parse(body);
    const log = request === undefined ? undefined : logs.get(hashOf(request.checkpoint.origin));
    try {
      const answer = await this.#answer(request, log);
      metrics.answered(answer.kind === 'refused' ? answer.code : 'cosigned', log?.origin);
      this.#tell(answer, request, log);
      return answer;
    } catch (error) {
      const outage = error instanceof Outage ? error : new Outage('unavailable', 'a fault of ours', { cause: error });
      metrics.answered(outage.code, log?.origin);
      const facts = { log: log?.origin, code: outage.code, reason: outage.message, cause: outage.cause };
      this.#parts.logger.warn(facts, 'a checkpoint was not answered');
      throw outage;
    }
  }

  /** The latest cosigned note of a log; undefined for an unknown one, and when nothing was cosigned. Rejects with Outage. */
  async latest(hash: string): Promise<string | undefined> {
    return this.#parts.logs.get(hash)?.latest();
  }

  /** Origins of logs that are not cosigned until an operator has acted, with the reason. */
  halted(): { origin: string; reason: string }[] {
    return [...this.#parts.logs.values()].flatMap(({ origin, haltedBy }) =>
      haltedBy === undefined ? [] : [{ origin, reason: haltedBy }],
    );
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await Promise.all([...this.#parts.logs.values()].map((log) => log.idle()));
  }

  async #answer(request: AddCheckpointRequest | undefined, log: WitnessedLog | undefined): Promise<Answer> {
    if (request === undefined) return { kind: 'refused', code: 'malformed' };
    if (log === undefined) return { kind: 'refused', code: 'unknown_log' };
    if (this.#working >= MAX_WORKING) throw new Outage('busy', 'too many requests under way');
    this.#working += 1;
    try {
      return await log.addCheckpoint(request);
    } finally {
      this.#working -= 1;
    }
  }

  /** What a log's operator may ask about later. A stale size is everyday. */
  #tell(answer: Answer, request: AddCheckpointRequest | undefined, log: WitnessedLog | undefined): void {
    if (answer.kind !== 'refused' || request === undefined || log === undefined) return;
    const facts = { log: log.origin, code: answer.code, oldSize: request.oldSize, size: request.checkpoint.size };
    if (answer.code === 'stale' && request.oldSize <= answer.size) return;
    this.#parts.logger.warn(facts, 'a checkpoint was refused');
  }
}

function parse(body: Uint8Array): AddCheckpointRequest | undefined {
  try {
    const request = parseAddCheckpointRequest(body);
    return Buffer.byteLength(request.note.text) > MAX_TEXT_BYTES ? undefined : request;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
