import {
  ctNoteVerifier,
  decodeBase64Strict,
  decodePem,
  type NoteVerifier,
  noteVerifier,
  type ParsedKey,
  publicKeyFromSpki,
} from '@sigstead/formats';
import { LogError } from '../core/errors.ts';

/** A key that checkpoints are verified with. */
export interface CheckpointKey {
  readonly spki: Uint8Array;
  /** The name a verifier key carries, which then must be the log's origin; a bare public key has none. */
  readonly name: string | undefined;
  /** The verifier of this key under a log's name. Throws FormatError for a name that no note can carry. */
  verifierFor(name: string): NoteVerifier;
}

/** SPEC: C2SP signed-note, "Verifier keys": name, key id in hex, base64 of type and key. A name holds no plus. */
const VERIFIER_KEY = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/;
/** SPEC: RFC 8410 §4: what stands before the 32 bytes of an Ed25519 key in its SPKI. */
const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * Reads a verifier key (`name+id+key`, Ed25519 or ECDSA) or a PEM public key; with `ct`, a PEM key of a CT log. Throws
 * LogError `misconfigured`.
 */
export function readCheckpointKey(text: string, ct = false): CheckpointKey {
  try {
    const trimmed = text.trim();
    const [, name, id, base64] = VERIFIER_KEY.exec(trimmed) ?? [];
    if (name !== undefined && id !== undefined && base64 !== undefined) {
      if (ct) throw new Error('the key of a CT log is wanted as PEM');
      return fromVerifierKey(name, id, base64);
    }
    const [block, ...more] = decodePem(trimmed);
    if (block?.label !== 'PUBLIC KEY' || more.length > 0)
      throw new Error('neither a verifier key nor one PEM public key');
    const key = publicKeyFromSpki(block.bytes);
    if (!ct) return keyOf(key, undefined);
    return { spki: key.spki, name: undefined, verifierFor: (origin) => ctNoteVerifier(origin, key) };
  } catch (cause) {
    if (cause instanceof LogError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LogError('misconfigured', `the checkpoint key cannot be used: ${why}`, { cause });
  }
}

function fromVerifierKey(name: string, id: string, base64: string): CheckpointKey {
  const bytes = decodeBase64Strict(base64);
  const key = publicKeyFromSpki(spkiOf(bytes));
  const made = keyOf(key, name);
  if (Buffer.from(made.verifierFor(name).keyHash).toString('hex') !== id)
    throw new Error('its id is not that of its key');
  return made;
}

function spkiOf(bytes: Uint8Array): Uint8Array {
  const key = bytes.subarray(1);
  if (bytes[0] === 0x01 && key.length === 32) return Buffer.concat([ED25519_SPKI_PREFIX, key]);
  // Not assigned by C2SP; the type that Go's note packages of the transparency projects give to ECDSA keys.
  if (bytes[0] === 0x02) return key;
  throw new Error(`its type ${bytes[0] ?? 'nothing'} is not supported`);
}

function keyOf(key: ParsedKey, name: string | undefined): CheckpointKey {
  return { spki: key.spki, name, verifierFor: (origin) => noteVerifier(origin, key) };
}
