import {
  contextConstructed,
  contextPrimitive,
  DerError,
  type DerElement,
  findExtension,
  type HashName,
  Oid,
  type ParsedCertificate,
  readDer,
  Tag,
} from '@sigstead/formats';
import { canonicalAddress, addressText } from './addresses.ts';

export type Sha256 = (data: Uint8Array) => Uint8Array;

/** What a key is made from. SPEC: docs/specs/search.md, Keys */
export type SearchTerm =
  | { kind: 'artifact'; hash: HashName; digest: Uint8Array }
  | { kind: 'identity' | 'issuer'; value: Uint8Array }
  | { kind: 'public-key' | 'certificate'; sha256: Uint8Array };

/** Names of one certificate that get a key: certificates that sign have one. Each costs a row. */
export const MAX_NAMES = 8;

/** Elements of the extension that are looked at for them: a certificate may hold thousands that are no names. */
const MAX_NAME_ELEMENTS = 100;

/** SPEC: Fulcio oid-info: 1.1 is the bare text, 1.8 a DER UTF8String. */
const ISSUER_BARE = '1.3.6.1.4.1.57264.1.1';
const ISSUER_DER = '1.3.6.1.4.1.57264.1.8';
/** SPEC: Fulcio oid-info, 1.7: type of the otherName that holds a user name. */
const USER_NAME = '1.3.6.1.4.1.57264.1.7';

const ARTIFACT: Readonly<Record<HashName, Buffer>> = {
  sha256: Buffer.from('artifact:sha256\0'),
  sha384: Buffer.from('artifact:sha384\0'),
  sha512: Buffer.from('artifact:sha512\0'),
};
const LABELS = {
  identity: Buffer.from('identity\0'),
  issuer: Buffer.from('issuer\0'),
  'public-key': Buffer.from('public-key\0'),
  certificate: Buffer.from('certificate\0'),
} as const;

/**
 * 32 bytes: SHA-256 of a label, a zero byte and the value; of identities and issuers without regard to ASCII case.
 * SPEC: docs/specs/search.md, Keys
 */
export function searchKey(term: SearchTerm, sha256: Sha256): Uint8Array {
  switch (term.kind) {
    case 'artifact':
      return labelled(ARTIFACT[term.hash], term.digest, sha256);
    case 'identity':
    case 'issuer':
      return labelled(LABELS[term.kind], foldCase(term.value), sha256);
    case 'public-key':
    case 'certificate':
      return labelled(LABELS[term.kind], term.sha256, sha256);
  }
}

/** What an entry is found by, taken apart. */
export interface SearchableEntry {
  hash: HashName;
  digest: Uint8Array;
  /** Of the public key, or of the certificate's. */
  spki: Uint8Array;
  certificate?: ParsedCertificate | undefined;
}

/**
 * All keys of an entry, each once. Never throws for what is in a certificate: a part that cannot be read gives no key, the
 * others do.
 */
export function searchKeysOf(entry: SearchableEntry, sha256: Sha256): Uint8Array[] {
  const { hash, digest, spki, certificate } = entry;
  const keys = [
    searchKey({ kind: 'artifact', hash, digest }, sha256),
    searchKey({ kind: 'public-key', sha256: sha256(spki) }, sha256),
  ];
  if (certificate === undefined) return keys;
  keys.push(searchKey({ kind: 'certificate', sha256: sha256(certificate.der) }, sha256));
  const add = (term: SearchTerm): void => {
    const key = searchKey(term, sha256);
    if (!keys.some((known) => Buffer.compare(known, key) === 0)) keys.push(key);
  };
  for (const value of namesOf(certificate)) add({ kind: 'identity', value });
  for (const value of issuersOf(certificate)) add({ kind: 'issuer', value });
  return keys;
}

/** The first subject alternative names, as bytes; up to where the extension stops being readable. */
export function namesOf(certificate: ParsedCertificate): Uint8Array[] {
  const names: Uint8Array[] = [];
  whileReadable(() => {
    const extension = findExtension(certificate, Oid.subjectAltName);
    if (extension === undefined) return;
    const list = readDer(extension.value, { maxNodes: MAX_NAME_ELEMENTS }).children();
    while (!list.done && names.length < MAX_NAMES) {
      const name = nameOf(list.next());
      if (name !== undefined) names.push(name);
    }
  });
  return names;
}

/** SPEC: RFC 5280 §4.2.1.6: rfc822Name [1], dNSName [2], uniformResourceIdentifier [6], iPAddress [7], otherName [0]. */
function nameOf(name: DerElement): Uint8Array | undefined {
  switch (name.tag) {
    case contextPrimitive(1):
    case contextPrimitive(2):
    case contextPrimitive(6):
      return name.content;
    case contextPrimitive(7): {
      const text = addressText(name.content);
      return text === undefined ? undefined : Buffer.from(text);
    }
    case contextConstructed(0): {
      let value: Uint8Array | undefined;
      whileReadable(() => {
        const parts = name.children();
        if (parts.next(Tag.oid).oid() !== USER_NAME) return;
        value = parts.next(contextConstructed(0)).children().next(Tag.utf8String).content;
      });
      return value;
    }
    default:
      return undefined;
  }
}

/** The token's issuer: once in each of the two extensions that may hold it. */
export function issuersOf(certificate: ParsedCertificate): Uint8Array[] {
  const issuers: Uint8Array[] = [];
  const bare = findExtension(certificate, ISSUER_BARE);
  if (bare !== undefined) issuers.push(bare.value);
  whileReadable(() => {
    const wrapped = findExtension(certificate, ISSUER_DER);
    if (wrapped === undefined) return;
    const text = readDer(wrapped.value);
    if (text.tag === Tag.utf8String) issuers.push(text.content);
  });
  return issuers;
}

/** The bytes that a name in a question stands for: an IP address in whatever spelling has one. */
export function nameBytes(text: string): Uint8Array {
  return Buffer.from(canonicalAddress(text) ?? text);
}

function whileReadable(read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
  }
}

/** `label` ends in a zero byte. */
function labelled(label: Buffer, value: Uint8Array, sha256: Sha256): Uint8Array {
  const message = Buffer.allocUnsafe(label.length + value.length);
  message.set(label);
  message.set(value, label.length);
  return sha256(message);
}

/** A to Z alone. What has none of them is given back as it is. */
function foldCase(value: Uint8Array): Uint8Array {
  if (!value.some(isCapital)) return value;
  return value.map((byte) => (isCapital(byte) ? byte + 0x20 : byte));
}

function isCapital(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}
