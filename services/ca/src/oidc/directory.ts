import type { IssuerRule } from '../core/identity/issuer-rule.ts';
import { matchesPattern } from '../core/identity/meta-issuer.ts';
import { IssuerKeys, type IssuerKeysOptions } from './issuer-keys.ts';
import type { FetchJson } from './ports.ts';

/** An issuer, or a pattern of issuers, that tokens are accepted from. */
export interface IssuerSettings {
  /** Issuer URL, or for `isMeta` a pattern with `*`. */
  readonly url: string;
  readonly isMeta: boolean;
  readonly audience: string;
  readonly rule: IssuerRule;
  readonly jwksHosts: readonly string[];
}

/** The entry that tokens of `issuer` are judged by: its own, else the first pattern it fits. */
export function entryFor<T extends IssuerSettings>(issuers: readonly T[], issuer: string): T | undefined {
  const own = issuers.find(({ url, isMeta }) => !isMeta && url === issuer);
  return own ?? issuers.find(({ url, isMeta }) => isMeta && matchesPattern(url, issuer));
}

export interface KnownIssuer {
  readonly settings: IssuerSettings;
  readonly keys: IssuerKeys;
}

/**
 * Issuers that patterns let in are remembered up to this many. Those that never gave keys go first, then the one unused
 * for longest: names that anybody can invent push out no issuer that exists.
 */
const MAX_META_ISSUERS = 100;

/** Fetches for issuers behind patterns under way at once: whoever invents issuers cannot make us fetch without end. */
const MAX_META_FETCHES = 16;

/** Finds who a token's `iss` is: a configured issuer first, then a pattern. Nothing is fetched to find out. */
export class IssuerDirectory {
  readonly #fixed: ReadonlyMap<string, KnownIssuer>;
  readonly #patterns: readonly IssuerSettings[];
  readonly #matched = new Map<string, KnownIssuer>();
  readonly #keysOptions: Omit<IssuerKeysOptions, 'issuer' | 'hosts'>;
  #metaFetches = 0;

  constructor(issuers: readonly IssuerSettings[], keysOptions: Omit<IssuerKeysOptions, 'issuer' | 'hosts'>) {
    this.#keysOptions = keysOptions;
    this.#patterns = issuers.filter(({ isMeta }) => isMeta);
    const fixed = issuers.filter(({ isMeta }) => !isMeta);
    this.#fixed = new Map(fixed.map((settings) => [settings.url, this.#known(settings.url, settings)]));
  }

  find(issuer: string): KnownIssuer | undefined {
    return this.#fixed.get(issuer) ?? this.#matchedIssuer(issuer);
  }

  #matchedIssuer(issuer: string): KnownIssuer | undefined {
    const remembered = this.#matched.get(issuer);
    if (remembered !== undefined) this.#matched.delete(issuer);
    const settings = remembered?.settings ?? this.#patterns.find(({ url }) => matchesPattern(url, issuer));
    if (settings === undefined || !URL.canParse(issuer)) return undefined;
    const known = remembered ?? this.#known(issuer, settings);
    this.#matched.set(issuer, known);
    if (this.#matched.size > MAX_META_ISSUERS) this.#forgetOne(issuer);
    return known;
  }

  #forgetOne(newest: string): void {
    const others = [...this.#matched].filter(([issuer]) => issuer !== newest);
    const [leaving] = others.find(([, { keys }]) => !keys.areKnown) ?? others[0] ?? [];
    if (leaving !== undefined) this.#matched.delete(leaving);
  }

  #known(issuer: string, settings: IssuerSettings): KnownIssuer {
    const hosts = { isMeta: settings.isMeta, jwksHosts: settings.jwksHosts };
    const { fetchJson } = this.#keysOptions;
    const fetch = settings.isMeta ? this.#limited(fetchJson) : fetchJson;
    return { settings, keys: new IssuerKeys({ ...this.#keysOptions, fetchJson: fetch, issuer, hosts }) };
  }

  #limited(fetchJson: FetchJson): FetchJson {
    return async (request) => {
      if (this.#metaFetches >= MAX_META_FETCHES) throw new Error('too many issuers are being fetched');
      this.#metaFetches += 1;
      try {
        return await fetchJson(request);
      } finally {
        this.#metaFetches -= 1;
      }
    };
  }
}
