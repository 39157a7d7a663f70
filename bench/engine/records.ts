import { hash, randomBytes } from 'node:crypto';
import type { Submission } from '@sigstead/log';

const EMPTY = new Uint8Array(0);

/** Distinct records of random bytes: nothing compresses, nothing repeats. */
export class Records {
  readonly #bytes: number;
  readonly #body: Buffer;
  #next = 0;

  constructor(bytes: number) {
    this.#bytes = bytes;
    this.#body = randomBytes(bytes);
  }

  /** The next one. Its identity is the SHA-256 of a leaf, as with real entries. */
  next(): Submission {
    const leaf = Buffer.from(this.#body);
    leaf.writeUIntBE(this.#next++, 0, 6);
    const identity = Buffer.from(hash('sha256', leaf, 'latin1'), 'latin1');
    return { identity, weight: this.#bytes, leaf: () => ({ leaf, extra: EMPTY }) };
  }

  /** CPU microseconds that making one takes. */
  static makingMicros(bytes: number): number {
    const records = new Records(bytes);
    for (let i = 0; i < 5000; i++) records.next();
    const before = process.cpuUsage();
    const count = 20_000;
    for (let i = 0; i < count; i++) records.next();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / count;
  }
}
