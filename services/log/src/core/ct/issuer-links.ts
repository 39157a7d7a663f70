import {
  DerError,
  FormatError,
  isIssuedBy,
  type ParsedCertificate,
  type ParsedKey,
  publicKeyFromSpki,
  verifyX509Signature,
} from '@sigstead/formats';

/** Submitters choose what they send, so what is remembered has a bound; the hot issuers of a log are few. */
const MAX_REMEMBERED = 256;

/**
 * Who signed whom, remembered where it is the same for every submission: that one CA certificate was signed by another
 * is known by the exact bytes of both, an issuer's imported key by the exact bytes of its SPKI. End entities are
 * verified every time. Only successes are kept.
 */
export class IssuerLinks {
  readonly #sha256: (data: Uint8Array) => Uint8Array;
  readonly #keys = new Recent<ParsedKey['keyObject']>();
  readonly #links = new Recent<true>();

  constructor(sha256: (data: Uint8Array) => Uint8Array) {
    this.#sha256 = sha256;
  }

  /** As isIssuedBy() says. */
  isIssuedBy(certificate: ParsedCertificate, issuer: ParsedCertificate): boolean {
    const key = this.#keyOf(issuer);
    // OpenSSL may know keys that no log entry can have.
    if (key === undefined) return isIssuedBy(certificate, issuer);
    if (Buffer.compare(certificate.issuer, issuer.subject) !== 0) return false;
    const { tbs: message, signature, signatureAlgorithm } = certificate;
    return verifyX509Signature({ algorithmOid: signatureAlgorithm.oid, message, signature, key });
  }

  /** The same, remembered: for certificates above the end entity. */
  isCaIssuedBy(certificate: ParsedCertificate, issuer: ParsedCertificate): boolean {
    const link = `${this.#name(certificate.der)}${this.#name(issuer.der)}`;
    if (this.#links.get(link) === true) return true;
    const holds = this.isIssuedBy(certificate, issuer);
    if (holds) this.#links.set(link, true);
    return holds;
  }

  #keyOf(issuer: ParsedCertificate): ParsedKey['keyObject'] | undefined {
    const name = this.#name(issuer.spki);
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    try {
      // The key alone: the bytes it was parsed from are a view of a whole request.
      const { keyObject } = publicKeyFromSpki(issuer.spki);
      this.#keys.set(name, keyObject);
      return keyObject;
    } catch (error) {
      if (error instanceof DerError || error instanceof FormatError) return undefined;
      throw error;
    }
  }

  #name(bytes: Uint8Array): string {
    return Buffer.from(this.#sha256(bytes)).toString('latin1');
  }
}

/** The values used last, MAX_REMEMBERED of them. */
class Recent<V> {
  /** Insertion order is order of use. */
  readonly #values = new Map<string, V>();

  get(key: string): V | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.#values.set(key, value);
    const [oldest] = this.#values.keys();
    if (this.#values.size > MAX_REMEMBERED && oldest !== undefined) this.#values.delete(oldest);
  }
}
