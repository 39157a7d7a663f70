import { identityKey } from '../core/ports.ts';
import { WeightedLru } from '../core/lru.ts';
import { equalHashes } from '@sigstead/merkle';
import { DamagedRead } from './damaged.ts';
import type { LoadGate } from './load-gate.ts';
import { coded } from './log-reader.ts';
import type { ReadObserver } from './sources.ts';

/** Certificates kept in memory: a log has few issuers. */
const CACHE_BYTES = 2 ** 20;

export interface IssuerSourceOptions {
  read: (fingerprint: Uint8Array) => Promise<Uint8Array | undefined>;
  gate: LoadGate;
  sha256: (data: Uint8Array) => Uint8Array;
  observer?: ReadObserver | undefined;
}

/** Certificates that entries refer to by their SHA-256. What was read is given out only when it has that very hash. */
export class IssuerSource {
  readonly #options: IssuerSourceOptions;
  readonly #cache = new WeightedLru<Uint8Array>({ budgetBytes: CACHE_BYTES, weigh: ({ length }) => length });

  constructor(options: IssuerSourceOptions) {
    this.#options = options;
  }

  /** Undefined when no entry refers to it. Throws LogError `unavailable`, `internal`. */
  async find(fingerprint: Uint8Array): Promise<Uint8Array | undefined> {
    const key = identityKey(fingerprint);
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const { gate, read, sha256, observer } = this.#options;
    const found = await coded(gate.run(() => read(fingerprint)));
    if (found === undefined) return undefined;
    if (!equalHashes(sha256(found), fingerprint)) {
      const error = new DamagedRead('a stored issuer has another fingerprint', { contradicts: false });
      observer?.damaged(error);
      throw error;
    }
    const issuer = Uint8Array.from(found);
    this.#cache.set(key, issuer);
    return issuer;
  }
}
