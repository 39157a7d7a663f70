import { createHash } from 'node:crypto';
import { type ParsedKey, publicKeyFromSpki } from '../algorithms/public-key.ts';
import { decodeBase64Strict, encodeBase64 } from '../base64.ts';
import { ctNoteVerifier } from '../ct/note.ts';
import { FormatError } from '../errors.ts';
import { cosignatureVerifier, cosignerKeyHash } from './cosignature.ts';
import { ctNoteKeyHash, type NoteVerifier, noteKeyHash, noteVerifier } from './keys.ts';
import { isNoteName, requireNoteName } from './name.ts';

/** What a verifier key verifies; the numbers are the type bytes. SPEC: C2SP signed-note, "Signature types" */
const VKEY_TYPES = { ed25519: 0x01, ecdsa: 0x02, 'cosignature-v1': 0x04, rfc6962: 0x05 } as const;
export type VerifierKeyType = keyof typeof VKEY_TYPES;

/** A verifier key taken apart: one key, under one name, for one type of signature. */
export interface VerifierKey {
  readonly name: string;
  readonly type: VerifierKeyType;
  /** 4 bytes, computed from name, type and key, never taken on trust */
  readonly keyHash: Uint8Array;
  readonly key: ParsedKey;
}

const MAX_VKEY_CHARS = 16_384;
const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const KEY_ID = /^[0-9a-f]{8}$/;

function malformed(reason: string, cause?: unknown): FormatError {
  return new FormatError('vkey_malformed', `verifier key: ${reason}`, { cause });
}

/** An Ed25519 public key of its 32 bytes. Throws `key_unparsable`. SPEC: RFC 8410 §4 */
export function ed25519PublicKey(raw: Uint8Array): ParsedKey {
  return publicKeyFromSpki(Buffer.concat([ED25519_SPKI_PREFIX, raw]));
}

function isFit(type: VerifierKeyType, { kind }: ParsedKey): boolean {
  if (type === 'ed25519' || type === 'cosignature-v1') return kind === 'ed25519';
  const isEcdsa = kind === 'ecdsa-p256' || kind === 'ecdsa-p384' || kind === 'ecdsa-p521';
  return isEcdsa || (type === 'rfc6962' && kind === 'rsa');
}

function idOf(name: string, type: VerifierKeyType, key: ParsedKey): Uint8Array {
  if (type === 'cosignature-v1') return cosignerKeyHash(name, key);
  if (type === 'rfc6962') return ctNoteKeyHash(name, createHash('sha256').update(key.spki).digest());
  return noteKeyHash(name, key);
}

/** Throws `vkey_malformed` when such a key makes no such signatures, `note_name_invalid`. */
export function verifierKey(name: string, type: VerifierKeyType, key: ParsedKey): VerifierKey {
  requireNoteName(name);
  if (!isFit(type, key)) throw malformed(`a key of kind ${key.kind} makes no ${type} signatures`);
  return { name, type, key, keyHash: idOf(name, type, key).subarray(0, 4) };
}

function readMaterial(base64: string): { type: VerifierKeyType; key: ParsedKey } {
  let bytes: Uint8Array;
  try {
    bytes = decodeBase64Strict(base64);
  } catch (error) {
    throw malformed('key is not base64', error);
  }
  const byte = bytes[0];
  const type = (Object.keys(VKEY_TYPES) as VerifierKeyType[]).find((each) => VKEY_TYPES[each] === byte);
  if (type === undefined) throw malformed(`signature type ${byte ?? 'nothing'} is not supported`);
  const material = bytes.subarray(1);
  const isRaw = type === 'ed25519' || type === 'cosignature-v1';
  if (isRaw && material.length !== 32) throw malformed('an Ed25519 key has 32 bytes');
  try {
    return { type, key: isRaw ? ed25519PublicKey(material) : publicKeyFromSpki(material) };
  } catch (error) {
    throw malformed('the key does not parse', error);
  }
}

/**
 * `name+hex key id+base64(type ‖ key)`. Throws `vkey_malformed`, also when the id is not the one of name, type and key.
 * SPEC: C2SP signed-note, "Verifier keys"
 */
export function parseVerifierKey(text: string): VerifierKey {
  if (text.length > MAX_VKEY_CHARS) throw malformed('too long');
  const [name, id] = text.split('+', 2);
  if (name === undefined || id === undefined || !isNoteName(name)) throw malformed('not name+id+key');
  if (!KEY_ID.test(id)) throw malformed('key id is not 8 lower-case hex digits');
  const rest = text.slice(name.length + id.length + 1);
  // Base64 may hold plus signs of its own: only the first two part the text.
  if (!rest.startsWith('+')) throw malformed('not name+id+key');
  const { type, key } = readMaterial(rest.slice(1));
  const vkey = verifierKey(name, type, key);
  const expected = Buffer.from(vkey.keyHash).toString('hex');
  if (expected !== id) throw malformed(`key id ${id} is not the one of this name and key (${expected})`);
  return vkey;
}

/** `name+id+key`, as parseVerifierKey() reads it. SPEC: C2SP signed-note, "Verifier keys" */
export function formatVerifierKey({ name, type, key, keyHash }: VerifierKey): string {
  const material = type === 'ed25519' || type === 'cosignature-v1' ? (key.raw ?? key.spki) : key.spki;
  const value = Buffer.concat([Buffer.of(VKEY_TYPES[type]), material]);
  return `${name}+${Buffer.from(keyHash).toString('hex')}+${encodeBase64(value)}`;
}

/** What checks the signatures of a verifier key. */
export function verifierOf({ name, type, key }: VerifierKey): NoteVerifier {
  switch (type) {
    case 'ed25519':
    case 'ecdsa':
      return noteVerifier(name, key);
    case 'cosignature-v1':
      return cosignatureVerifier(name, key);
    case 'rfc6962':
      return ctNoteVerifier(name, key);
  }
}
