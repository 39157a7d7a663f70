import { hash, randomBytes, sign } from 'node:crypto';
import type { CertifiedKey } from './certificates.ts';
import type { Target } from './connection.ts';

const DIGEST_CHARS = 44;
/**
 * A P-256 signature in DER has 70 to 72 bytes in more than 99 of 100 cases: 96 characters. The others are made again.
 */
const SIGNATURE_CHARS = 96;
const ENTRY_CHARS = DIGEST_CHARS + SIGNATURE_CHARS;

/** A request as it goes over the wire, but for digest and signature. */
interface Template {
  readonly head: Buffer;
  readonly between: Buffer;
  readonly tail: Buffer;
}

/**
 * Requests for Rekor v2 entries, all distinct, signed before the run. Kept are digest and signature of each, 140 bytes;
 * the rest is the same for all entries under one certificate, so that a million fit into memory and sending one is a
 * copy.
 */
export class Entries {
  readonly count: number;
  readonly #keys: readonly CertifiedKey[];
  readonly #made: Buffer;
  readonly #templates: readonly Template[];

  /** `same`: entries that were made before, for another target. */
  constructor(options: { count: number; keys: readonly CertifiedKey[]; target: Target; same?: Entries }) {
    const { count, keys, target, same } = options;
    if (keys.length === 0) throw new Error('no certificate to sign with');
    this.count = count;
    this.#keys = keys;
    this.#templates = keys.map((key) => templateOf(key, target));
    this.#made = same === undefined ? Buffer.alloc(count * ENTRY_CHARS) : same.#made;
    if (same !== undefined) return;
    for (let i = 0; i < count; i++) this.#make(i, keys[i % keys.length] as CertifiedKey);
  }

  /** The very same bodies, for another server. */
  to(target: Target): Entries {
    return new Entries({ count: this.count, keys: this.#keys, target, same: this });
  }

  /** Headers and body. Throws RangeError outside of 0..count−1. */
  request(i: number): Buffer {
    const { head, between, tail } = this.#template(i);
    return Buffer.concat([head, this.#digest(i), between, this.#signature(i), tail]);
  }

  /** The entry that a log must make of it, byte for byte. SPEC: rekor v2 spec, Entry; RFC 8785 */
  canonicalBody(i: number): Buffer {
    const certificate = certificateOf(this.#template(i));
    return Buffer.from(
      '{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256",' +
        `"digest":"${this.#digest(i).toString('latin1')}"},"signature":{"content":"${this.#signature(i).toString('latin1')}",` +
        `"verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256","x509Certificate":{"rawBytes":"${certificate}"}}}}}}`,
    );
  }

  #make(i: number, { privateKey }: CertifiedKey): void {
    let artifact: Buffer;
    let content: string;
    do {
      artifact = randomBytes(32);
      content = sign('sha256', artifact, privateKey).toString('base64');
    } while (content.length !== SIGNATURE_CHARS);
    this.#made.write(hash('sha256', artifact, 'base64') + content, i * ENTRY_CHARS, 'latin1');
  }

  #template(i: number): Template {
    if (!Number.isInteger(i) || i < 0 || i >= this.count) throw new RangeError(`there is no entry ${i}`);
    return this.#templates[i % this.#templates.length] as Template;
  }

  #digest(i: number): Buffer {
    return this.#made.subarray(i * ENTRY_CHARS, i * ENTRY_CHARS + DIGEST_CHARS);
  }

  #signature(i: number): Buffer {
    return this.#made.subarray(i * ENTRY_CHARS + DIGEST_CHARS, (i + 1) * ENTRY_CHARS);
  }
}

const BEFORE_CERTIFICATE = '","verifier":{"x509Certificate":{"rawBytes":"';

function templateOf({ certificate }: CertifiedKey, { host, port }: Target): Template {
  const start = '{"hashedRekordRequestV002":{"digest":"';
  const between = '","signature":{"content":"';
  const rawBytes = Buffer.from(certificate).toString('base64');
  const tail = `${BEFORE_CERTIFICATE}${rawBytes}"},"keyDetails":"PKIX_ECDSA_P256_SHA_256"}}}}`;
  const length = start.length + between.length + tail.length + ENTRY_CHARS;
  const headers = [
    'POST /api/v2/log/entries HTTP/1.1',
    `Host: ${host}:${port}`,
    'Content-Type: application/json',
    `Content-Length: ${length}`,
  ];
  return {
    head: Buffer.from(`${headers.join('\r\n')}\r\n\r\n${start}`, 'latin1'),
    between: Buffer.from(between, 'latin1'),
    tail: Buffer.from(tail, 'latin1'),
  };
}

function certificateOf({ tail }: Template): string {
  const text = tail.toString('latin1', BEFORE_CERTIFICATE.length);
  return text.slice(0, text.indexOf('"'));
}
