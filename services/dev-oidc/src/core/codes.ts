import type { Identity } from './claims.ts';

/** What a code stands for until it is exchanged. */
export interface Grant {
  readonly identity: Identity;
  readonly redirectUri: string;
  /** Base64url of SHA-256 of the verifier that the client keeps. */
  readonly codeChallenge: string;
  readonly nonce: string | undefined;
}

export interface CodeStoreOptions {
  readonly nowMs: () => number;
  readonly random: (size: number) => Uint8Array;
  readonly lifetimeMs: number;
  /** At most this many codes wait at once; a new one then takes the place of the oldest. */
  readonly maxCodes: number;
}

/**
 * Authorization codes: short-lived, used once, bounded in number. They live in this process only: after a restart a
 * login that was under way starts again.
 * SPEC: RFC 6749 §4.1.2 (short life, one use), §10.5.
 */
export class CodeStore {
  readonly #options: CodeStoreOptions;
  readonly #waiting = new Map<string, { grant: Grant; endsMs: number }>();

  constructor(options: CodeStoreOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Gives out a code for the grant. */
  issue(grant: Grant): string {
    const now = this.#options.nowMs();
    for (const [code, entry] of this.#waiting) {
      if (entry.endsMs > now && this.#waiting.size < this.#options.maxCodes) break;
      this.#waiting.delete(code);
    }
    const code = Buffer.from(this.#options.random(32)).toString('base64url');
    this.#waiting.set(code, { grant, endsMs: now + this.#options.lifetimeMs });
    return code;
  }

  /** Takes the grant of a code. Whatever the caller does next, the code is spent. */
  take(code: string): Grant | undefined {
    const entry = this.#waiting.get(code);
    this.#waiting.delete(code);
    return entry !== undefined && entry.endsMs > this.#options.nowMs() ? entry.grant : undefined;
  }
}
