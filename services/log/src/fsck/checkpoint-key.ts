import {
  ctNoteVerifier,
  decodePem,
  type NoteVerifier,
  noteVerifier,
  type ParsedKey,
  parseVerifierKey,
  publicKeyFromSpki,
  type VerifierKey,
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

/** What is meant as a verifier key, sound or not. */
const VERIFIER_KEY = /^[^\s+]+\+[0-9a-f]{8}\+/;

/**
 * Reads a verifier key (`name+id+key`) or a PEM public key, of a CT log where `ct` says so. Throws
 * LogError `misconfigured`.
 */
export function readCheckpointKey(text: string, ct = false): CheckpointKey {
  try {
    const trimmed = text.trim();
    if (VERIFIER_KEY.test(trimmed)) return fromVerifierKey(parseVerifierKey(trimmed), ct);
    const [block, ...more] = decodePem(trimmed);
    if (block?.label !== 'PUBLIC KEY' || more.length > 0)
      throw new Error('neither a verifier key nor one PEM public key');
    const key = publicKeyFromSpki(block.bytes);
    return ct ? ctKeyOf(key, undefined) : keyOf(key, undefined);
  } catch (cause) {
    if (cause instanceof LogError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LogError('misconfigured', `the checkpoint key cannot be used: ${why}`, { cause });
  }
}

function fromVerifierKey({ name, type, key }: VerifierKey, ct: boolean): CheckpointKey {
  if (type === 'cosignature-v1') throw new Error('it is the key of a witness, not of a log');
  if (ct !== (type === 'rfc6962')) throw new Error(`a key of type ${type} is ${ct ? 'no key' : 'the key'} of a CT log`);
  return ct ? ctKeyOf(key, name) : keyOf(key, name);
}

function ctKeyOf(key: ParsedKey, name: string | undefined): CheckpointKey {
  return { spki: key.spki, name, verifierFor: (origin) => ctNoteVerifier(origin, key) };
}

function keyOf(key: ParsedKey, name: string | undefined): CheckpointKey {
  return { spki: key.spki, name, verifierFor: (origin) => noteVerifier(origin, key) };
}
