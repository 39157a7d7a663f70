import { randomBytes } from 'node:crypto';
import type { Target } from '../log/connection.ts';

export const LEAF_BYTES = 3200;
const COUNTER_BYTES = 6;

/** Leaves of random bytes, all distinct by a number in front, and the requests that carry them. */
export class Leaves {
  readonly #rest = randomBytes(LEAF_BYTES - COUNTER_BYTES);

  leaf(number: number): Buffer {
    const leaf = Buffer.allocUnsafe(LEAF_BYTES);
    leaf.writeUIntBE(number, 0, COUNTER_BYTES);
    this.#rest.copy(leaf, COUNTER_BYTES);
    return leaf;
  }

  /** Requests to one server. */
  requests({ host, port }: Target): (number: number) => Buffer {
    const headers = `POST /add HTTP/1.1\r\nHost: ${host}:${port}\r\nContent-Length: ${LEAF_BYTES}\r\n\r\n`;
    const head = Buffer.from(headers, 'latin1');
    return (number) => {
      const request = Buffer.allocUnsafe(head.length + LEAF_BYTES);
      head.copy(request);
      request.writeUIntBE(number, head.length, COUNTER_BYTES);
      this.#rest.copy(request, head.length + COUNTER_BYTES);
      return request;
    };
  }
}
