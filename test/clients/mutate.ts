import assert from 'node:assert/strict';
import type { BundleJson } from './bundle.ts';

type Path = readonly (string | number)[];

/** Where bytes are in a bundle, and how they are written there. */
interface Field {
  path(bundle: BundleJson): Path;
  decode(text: string): Buffer;
  /** The text with these bytes in place of its own. */
  encode(text: string, bytes: Buffer): string;
  /** Which byte loses its lowest bit or gets it. */
  position(length: number): number;
}

const last = (length: number): number => length - 1;
const middle = (length: number): number => Math.floor(length / 2);
const base64 = {
  decode: (text: string) => Buffer.from(text, 'base64'),
  encode: (_text: string, bytes: Buffer) => bytes.toString('base64'),
};
const ENTRY = ['verificationMaterial', 'tlogEntries', 0] as const;
const CHECKPOINT = [...ENTRY, 'inclusionProof', 'checkpoint', 'envelope'] as const;

const FIELDS = {
  signature: { ...base64, position: last, path: signaturePath },
  'payload or message digest': { ...base64, position: middle, path: contentPath },
  // In its signature: a bit in its middle may leave something that cannot be read at all.
  certificate: { ...base64, position: last, path: certificatePath },
  'first proof hash': { ...base64, position: middle, path: () => [...ENTRY, 'inclusionProof', 'hashes', 0] },
  'checkpoint root': { ...wordOf(rootWord), position: middle, path: () => CHECKPOINT },
  'checkpoint signature': { ...wordOf(signatureWord), position: last, path: () => CHECKPOINT },
  'last byte of the timestamp': { ...base64, position: last, path: timestampPath },
} satisfies Record<string, Field>;

export type FieldName = keyof typeof FIELDS;
export const FIELD_NAMES = Object.keys(FIELDS) as FieldName[];

/** The bundle with one bit of one decoded field turned; checks that nothing else of it is different. */
export function mutate(bundle: BundleJson, name: FieldName): BundleJson {
  const field: Field = FIELDS[name];
  const path = field.path(bundle);
  const text = textAt(bundle, path);
  const bytes = field.decode(text);
  const changed = flipLowestBit(bytes, field.position(bytes.length));
  const mutated = structuredClone(bundle);
  setText(mutated, path, field.encode(text, changed));
  assertOnlyThatBit(bundle, mutated, path, field);
  return mutated;
}

function assertOnlyThatBit(before: BundleJson, after: BundleJson, path: Path, field: Field): void {
  assert.deepEqual(differences(before, after), [path.join('.')]);
  const [old, now] = [textAt(before, path), textAt(after, path)];
  assert.equal(distanceBits(field.decode(old), field.decode(now)), 1);
  assert.equal(field.encode(now, field.decode(old)), old, 'the text around the bytes is as it was');
}

function signaturePath(bundle: BundleJson): Path {
  return bundle.dsseEnvelope === undefined
    ? ['messageSignature', 'signature']
    : ['dsseEnvelope', 'signatures', 0, 'sig'];
}

function contentPath(bundle: BundleJson): Path {
  return bundle.dsseEnvelope === undefined
    ? ['messageSignature', 'messageDigest', 'digest']
    : ['dsseEnvelope', 'payload'];
}

function certificatePath({ verificationMaterial: material }: BundleJson): Path {
  return material.certificate === undefined
    ? ['verificationMaterial', 'x509CertificateChain', 'certificates', 0, 'rawBytes']
    : ['verificationMaterial', 'certificate', 'rawBytes'];
}

function timestampPath(): Path {
  return ['verificationMaterial', 'timestampVerificationData', 'rfc3161Timestamps', 0, 'signedTimestamp'];
}

/** A field that is one base64 word inside a text. */
function wordOf(find: (text: string) => string): Pick<Field, 'decode' | 'encode'> {
  return {
    decode: (text) => Buffer.from(find(text), 'base64'),
    encode: (text, bytes) => text.replace(find(text), () => bytes.toString('base64')),
  };
}

/** SPEC: C2SP tlog-checkpoint: origin, size, root hash, one to a line. */
function rootWord(envelope: string): string {
  return required(envelope.split('\n')[2]);
}

/** SPEC: C2SP signed-note: `— name base64(key hash, signature)`. */
function signatureWord(envelope: string): string {
  return required(/\n\n— \S+ (\S+)\n/.exec(envelope)?.[1]);
}

function required(text: string | undefined): string {
  assert.ok(text !== undefined && text !== '', 'the field is there');
  return text;
}

function flipLowestBit(bytes: Buffer, position: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(position) ^ 1, position);
  return copy;
}

function distanceBits(a: Buffer, b: Buffer): number {
  assert.equal(a.length, b.length);
  let bits = 0;
  for (const [index, byte] of a.entries()) {
    for (let rest = byte ^ b.readUInt8(index); rest > 0; rest >>= 1) bits += rest & 1;
  }
  return bits;
}

function textAt(value: unknown, path: Path): string {
  let at = value;
  for (const step of path) at = (at as Record<string | number, unknown> | undefined)?.[step];
  assert.equal(typeof at, 'string', `the bundle has ${path.join('.')}`);
  return at as string;
}

function setText(value: unknown, path: Path, text: string): void {
  const parent = path.slice(0, -1).reduce<unknown>((at, step) => (at as Record<string | number, unknown>)[step], value);
  (parent as Record<string | number, unknown>)[path.at(-1) as string] = text;
}

/** Paths at which two values are different. */
function differences(a: unknown, b: unknown, path: Path = []): string[] {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null)
    return a === b ? [] : [path.join('.')];
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return [...names].flatMap((name) => differences(left[name], right[name], [...path, name]));
}
