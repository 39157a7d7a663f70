import type { IssuerRule } from '../core/identity/issuer-rule.ts';
import { matchesPattern } from '../core/identity/meta-issuer.ts';
import { IssuerKeys, type IssuerKeysOptions } from './issuer-keys.ts';

/** An issuer, or a pattern of issuers, that tokens are accepted from. */
export interface IssuerSettings {
  /** Issuer URL, or for `isMeta` a pattern with `*`. */
  readonly url: string;
  readonly isMeta: boolean;
  readonly audience: string;
  readonly rule: IssuerRule;
  readonly jwksHosts: readonly string[];
}

export interface KnownIssuer {
  readonly settings: IssuerSettings;
  readonly keys: IssuerKeys;
}

/** Issuers that patterns let in are remembered up to this many; the one unused for longest goes first. */
const MAX_META_ISSUERS = 100;

/** Finds who a token's `iss` is: a configured issuer first, then a pattern. Nothing is fetched to find out. */
export class IssuerDirectory {
  readonly #fixed: ReadonlyMap<string, KnownIssuer>;
  readonly #patterns: readonly IssuerSettings[];
  readonly #matched = new Map<string, KnownIssuer>();
  readonly #keysOptions: Omit<IssuerKeysOptions, 'issuer' | 'hosts'>;

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
    const oldest = this.#matched.keys().next();
    if (this.#matched.size > MAX_META_ISSUERS && oldest.done !== true) this.#matched.delete(oldest.value);
    return known;
  }

  #known(issuer: string, settings: IssuerSettings): KnownIssuer {
    const hosts = { isMeta: settings.isMeta, jwksHosts: settings.jwksHosts };
    return { settings, keys: new IssuerKeys({ ...this.#keysOptions, issuer, hosts }) };
  }
}
