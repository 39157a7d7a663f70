import type { IncomingMessage, ServerResponse } from 'node:http';
import { lingerAfterAnswer } from './linger.ts';

export interface LargeBodyLimits {
  /** Declared lengths above this count. */
  bytes: number;
  /** So many at a time. */
  atOnce: number;
}

/** With the limit of one body, what they may take of memory in all: 64 × 4 MiB. */
export const LARGE_BODIES: LargeBodyLimits = { bytes: 64 * 1024, atOnce: 64 };

const BODY = '{"code":14,"message":"too many large requests; retry","details":[]}';
const HEADERS = {
  'content-type': 'application/json',
  'content-length': String(Buffer.byteLength(BODY)),
  'retry-after': '1',
  connection: 'close',
};

/**
 * Bounds what bodies that arrive may take of memory, whatever path they are for: one may be megabytes, its sender may take
 * his time, and there is no end of connections. Large ones are let in up to a number; small ones always. A body of unknown
 * length counts until it has come to its end, a declared one until it is answered.
 */
export class LargeBodies {
  readonly #limits: LargeBodyLimits;
  #underWay = 0;

  constructor(limits: LargeBodyLimits = LARGE_BODIES) {
    this.#limits = limits;
  }

  /** Whether the request may go on. False: it was answered with 503. */
  pass(request: IncomingMessage, response: ServerResponse): boolean {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    const isLarge = length === undefined ? encoding !== undefined : Number(length) > this.#limits.bytes;
    if (!isLarge) return true;
    if (this.#underWay >= this.#limits.atOnce) {
      lingerAfterAnswer(request);
      response.writeHead(503, HEADERS);
      response.end(BODY, 'utf8');
      return false;
    }
    this.#underWay += 1;
    let isCounted = true;
    const leave = (): void => {
      if (isCounted) this.#underWay -= 1;
      isCounted = false;
    };
    response.once('close', leave);
    if (length === undefined) request.once('end', leave);
    return true;
  }
}
