import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import {
  ctDigitallySigned,
  encodeCtNoteSignature,
  formatAddCheckpointRequest,
  formatCheckpointBody,
  formatNote,
  publicKeyFromSpki,
  signatureLine,
  sthSignatureInput,
  type VerifierKey,
  type VerifierKeyType,
  verifierKey,
} from '@sigstead/formats';

const sha256 = (...parts: Uint8Array[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/** Largest power of two below n. */
const split = (n: number): number => 2 ** Math.floor(Math.log2(n - 1));

/** SPEC: RFC 6962 §2.1, as it is written there. */
export function rootOf(leaves: readonly string[]): Buffer {
  const [first] = leaves;
  if (first === undefined) return sha256();
  if (leaves.length === 1) return sha256(Buffer.of(0), Buffer.from(first));
  const k = split(leaves.length);
  return sha256(Buffer.of(1), rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)));
}

/** SPEC: RFC 6962 §2.1.2, as it is written there. */
export function proofOf(m: number, leaves: readonly string[]): Buffer[] {
  const sub = (from: number, part: readonly string[], whole: boolean): Buffer[] => {
    if (from === part.length) return whole ? [] : [rootOf(part)];
    const k = split(part.length);
    if (from <= k) return [...sub(from, part.slice(0, k), whole), rootOf(part.slice(k))];
    return [...sub(from - k, part.slice(k), false), rootOf(part.slice(0, k))];
  };
  return m === 0 || m === leaves.length ? [] : sub(m, leaves, true);
}

export interface TestKey {
  readonly vkey: VerifierKey;
  /** A signature line over a note's text. */
  line(text: string): string;
}

/** A key of a log, of any type that a witness takes. */
export function logKey(name: string, type: Exclude<VerifierKeyType, 'cosignature-v1'>): TestKey {
  const { publicKey, privateKey } =
    type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = publicKeyFromSpki(publicKey.export({ format: 'der', type: 'spki' }));
  const vkey = verifierKey(name, type, key);
  const sthSignature = (text: string): Uint8Array => {
    const [, size, root] = text.split('\n');
    const head = { timestampMs: 1_000, treeSize: Number(size), root: Buffer.from(root ?? '', 'base64') };
    const signed = ctDigitallySigned(key.kind, sign('sha256', sthSignatureInput(head), privateKey));
    return encodeCtNoteSignature(head.timestampMs, signed);
  };
  const signature = (text: string): Uint8Array =>
    type === 'rfc6962' ? sthSignature(text) : sign(type === 'ed25519' ? null : 'sha256', Buffer.from(text), privateKey);
  return { vkey, line: (text) => signatureLine(name, vkey.keyHash, signature(text)) };
}

/** A log that may fork: it signs whatever leaves it is given. */
export class TestLog {
  readonly origin: string;
  readonly key: TestKey;

  constructor(origin: string, type: Exclude<VerifierKeyType, 'cosignature-v1'> = 'ed25519') {
    this.origin = origin;
    this.key = logKey(origin, type);
  }

  get spec(): { origin: string; keys: VerifierKey[] } {
    return { origin: this.origin, keys: [this.key.vkey] };
  }

  text(leaves: readonly string[]): string {
    return this.head({ size: leaves.length, root: rootOf(leaves) });
  }

  head(head: { size: number; root: Uint8Array }, extensions: readonly string[] = []): string {
    return formatCheckpointBody({ origin: this.origin, extensions, ...head });
  }

  note(text: string): string {
    return formatNote(text, [this.key.line(text)]);
  }

  /** What an honest log would ask that believes `oldSize` was cosigned. */
  request(oldSize: number, leaves: readonly string[]): Buffer {
    const proof = oldSize > leaves.length ? [] : proofOf(oldSize, leaves);
    return Buffer.from(formatAddCheckpointRequest({ oldSize, proof, note: this.note(this.text(leaves)) }));
  }
}

export const leaves = (count: number, tail = 'leaf'): string[] =>
  Array.from({ length: count }, (_, index) => `${tail} ${index}`);
