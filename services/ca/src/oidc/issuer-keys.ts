import type { Clock } from '../core/ports.ts';
import { discover, fetchKeys, type IssuerDocument, type KeyHostRule } from './discovery.ts';
import type { IssuerKey } from './jws.ts';
import type { FetchJson } from './ports.ts';

/** Keys and algorithms of one issuer at one time. */
export interface KeySnapshot {
  readonly document: IssuerDocument;
  readonly keys: readonly IssuerKey[];
}

/** Keys older than this are fetched again before use, so that withdrawn ones lose their trust. */
const MAX_AGE_MS = 10 * 60_000;
/** Known keys serve on this long while the issuer cannot be reached. */
const MAX_STALE_MS = 24 * 3_600_000;
/** A token that no known key verifies may cause one fetch in this time. */
const REFETCH_INTERVAL_MS = 30_000;
/** A failed fetch is not repeated for this long. */
const FAILURE_PAUSE_MS = 5_000;

export interface IssuerKeysOptions {
  readonly issuer: string;
  readonly fetchJson: FetchJson;
  readonly clock: Clock;
  readonly hosts: KeyHostRule;
  /** Told of every fetch: for metrics and the operator's log. */
  readonly onFetch: (outcome: { issuer: string; error?: unknown }) => void;
}

/**
 * The keys of one issuer, fetched when first needed and shared by all requests: one fetch at a time, bounded in rate
 * whatever is asked. Owned by the verifier; holds no timer.
 */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  #snapshot: KeySnapshot | undefined;
  #loadedAtMs = 0;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #forcedAtMs = Number.NEGATIVE_INFINITY;
  #loading: Promise<KeySnapshot> | undefined;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
  }

  /** Whether keys were fetched at some time: nobody without the issuer's part can bring that about. */
  get areKnown(): boolean {
    return this.#snapshot !== undefined;
  }

  /** Known keys, fetched if there are none or they are old. Rejects when there are none to be had. */
  async current(): Promise<KeySnapshot> {
    const known = this.#snapshot;
    const ageMs = this.#sinceMs(this.#loadedAtMs);
    if (known !== undefined && ageMs < MAX_AGE_MS) return known;
    try {
      return await this.#load();
    } catch (error) {
      if (known !== undefined && ageMs < MAX_STALE_MS) return known;
      throw error;
    }
  }

  /** Newer keys than `seen`, because none of those verifies a token; undefined when it is too soon to ask again. */
  async newerThan(seen: KeySnapshot): Promise<KeySnapshot | undefined> {
    if (this.#snapshot !== undefined && this.#snapshot !== seen) return this.#snapshot;
    if (this.#loading !== undefined) return this.#loading;
    if (this.#sinceMs(this.#forcedAtMs) < REFETCH_INTERVAL_MS) return undefined;
    this.#forcedAtMs = this.#options.clock.nowMs();
    return this.#load();
  }

  /** A time that is still to come was taken from a clock that was wrong: it counts as long ago, lest keys never age. */
  #sinceMs(atMs: number): number {
    const ms = this.#options.clock.nowMs() - atMs;
    return ms < 0 ? MAX_AGE_MS : ms;
  }

  #load(): Promise<KeySnapshot> {
    if (this.#loading !== undefined) return this.#loading;
    if (this.#sinceMs(this.#failedAtMs) < FAILURE_PAUSE_MS) {
      return Promise.reject(new Error('issuer failed a moment ago'));
    }
    this.#loading = this.#fetch().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #fetch(): Promise<KeySnapshot> {
    const { issuer, fetchJson, clock, hosts, onFetch } = this.#options;
    try {
      const document = await discover(fetchJson, issuer, hosts);
      const keys = await fetchKeys(fetchJson, issuer, document.jwksUri);
      this.#snapshot = { document, keys };
      this.#loadedAtMs = clock.nowMs();
      this.#failedAtMs = Number.NEGATIVE_INFINITY;
      onFetch({ issuer });
      return this.#snapshot;
    } catch (error) {
      this.#failedAtMs = clock.nowMs();
      onFetch({ issuer, error });
      throw error;
    }
  }
}
