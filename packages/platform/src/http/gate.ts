import type { IncomingMessage, ServerResponse } from 'node:http';
import { lingerAfterAnswer } from './linger.ts';

/** Decides about requests of one route by their head alone, and answers those that it turns away. */
export interface Gate {
  method: string;
  /** Matched as sent, byte for byte. Other spellings pass: the handler must be able to refuse as well. */
  path: string;
  /** Asked once for each request that has this method and path. No side effect may depend on the request. */
  isOpen(): boolean;
  refusal: Refusal;
  /** Told now and then how many were turned away since: not for each, that would cost more than the refusal. */
  onRefused?: (count: number) => void;
}

/** One answer for all. Date, Connection and Content-Length are added. */
export interface Refusal {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** A body that is thrown away on a connection that is kept. Longer ones cost more than a new connection. */
const MAX_DISCARDED_BYTES = 2 ** 20;

interface Built {
  gate: Gate;
  headers: string[];
  body: string;
  untold: number;
}

/**
 * The gates of one server. A refusal here costs a fraction of one by a handler: the framework does not see the request,
 * and the answer is made already. What is sent of the body is thrown away unread, so that the connection goes on and its
 * client gets the answer; where the body is long or of unknown length the connection ends, without a reset.
 */
export class Gates {
  readonly #byPath = new Map<string, Built>();

  /** Throws when the path has a gate already. */
  add(gate: Gate): void {
    if (this.#byPath.has(gate.path)) throw new Error(`${gate.path} has a gate already`);
    const { body } = gate.refusal;
    const headers = Object.entries({ ...gate.refusal.headers, 'content-length': `${Buffer.byteLength(body)}` }).flat();
    this.#byPath.set(gate.path, { gate, headers, body, untold: 0 });
  }

  /** Whether the request may go on. False: it was answered. */
  pass(request: IncomingMessage, response: ServerResponse): boolean {
    const built = this.#byPath.get(request.url ?? '');
    if (built === undefined || request.method !== built.gate.method || built.gate.isOpen()) return true;
    refuse(built, request, response);
    count(built);
    return false;
  }
}

function refuse({ gate, headers, body }: Built, request: IncomingMessage, response: ServerResponse): void {
  const length = request.headers['content-length'];
  const isShort = length !== undefined && Number(length) <= MAX_DISCARDED_BYTES;
  if (!isShort) {
    response.setHeader('connection', 'close');
    lingerAfterAnswer(request);
  }
  // As text it leaves in one piece with its head. What was sent of the body node:http throws away after the answer.
  response.writeHead(gate.refusal.status, headers);
  response.end(body, 'utf8');
}

function count(built: Built): void {
  built.untold += 1;
  if (built.untold > 1 || built.gate.onRefused === undefined) return;
  setImmediate(() => {
    const { untold } = built;
    built.untold = 0;
    built.gate.onRefused?.(untold);
  });
}
