import { connect, type Socket } from 'node:net';
import { type Answer, AnswerReader, headerOf } from './answer.ts';

/** What became of one request: an answer, or the reason why there is none. */
export type Outcome = Answer | Error;

export interface Target {
  readonly host: string;
  readonly port: number;
}

/**
 * One keep-alive connection, one request at a time, with as little work per request as possible: a load generator that
 * is busier than the server measures itself. Opened when first used, and again after the server closed it; a request is
 * never sent twice.
 */
export class Connection {
  readonly #target: Target;
  #socket: Socket | undefined;
  #reader = new AnswerReader();
  #waiting: ((outcome: Outcome) => void) | undefined;

  constructor(target: Target) {
    this.#target = target;
  }

  /** Calls back exactly once. Throws when a request is under way. */
  send(request: Uint8Array, done: (outcome: Outcome) => void): void {
    if (this.#waiting !== undefined) throw new Error('one request at a time');
    this.#waiting = done;
    this.#open().write(request);
  }

  /** The same as a promise; rejects when there is no answer. */
  async request(request: Uint8Array): Promise<Answer> {
    const outcome = await new Promise<Outcome>((resolve) => this.send(request, resolve));
    if (outcome instanceof Error) throw outcome;
    return outcome;
  }

  /** Ends it; a request under way fails. */
  close(): void {
    this.#socket?.destroy();
    this.#end(new Error('closed by the load generator'));
  }

  #open(): Socket {
    if (this.#socket !== undefined) return this.#socket;
    const socket = connect({ ...this.#target, noDelay: true });
    this.#socket = socket;
    this.#reader = new AnswerReader();
    const end = (error: Error): void => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      socket.destroy();
      this.#end(error);
    };
    socket.on('data', (chunk: Buffer) => {
      // Nothing was asked: a server that gives up an idle connection says so before it closes it.
      if (this.#waiting === undefined) return end(new Error('an answer to nothing'));
      try {
        const answer = this.#reader.push(chunk);
        if (answer !== undefined) this.#answered(answer);
      } catch (error) {
        end(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on('error', end);
    socket.on('close', () => end(new Error('the server closed the connection without an answer')));
    return socket;
  }

  #answered(answer: Answer): void {
    if (headerOf(answer.head, 'connection')?.toLowerCase() === 'close') {
      this.#socket?.destroy();
      this.#socket = undefined;
    }
    this.#end(answer);
  }

  #end(outcome: Outcome): void {
    const done = this.#waiting;
    this.#waiting = undefined;
    done?.(outcome);
  }
}

/** A GET as it goes over the wire. */
export function getRequest(target: Target, path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${target.host}:${target.port}\r\n\r\n`, 'latin1');
}
