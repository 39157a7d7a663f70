import {
  isNoteName,
  type Note,
  noteKeyHash,
  type NoteVerifier,
  noteVerifier,
  publicKeyFromSpki,
  signatureLine,
  verifyNote,
} from '@sigstead/formats';
import type { Signer } from '@sigstead/keys';
import { LogError } from '../errors.ts';

/** A key that signs every checkpoint of a log, beside the one that clients know it by. */
export interface FurtherSigner {
  readonly signer: Signer;
  /** On its signature line; default: the log's origin. */
  readonly name?: string;
}

/** Checkpoint verifiers hash with SHA-256 whatever the curve, so larger curves cannot sign what clients accept. */
const USABLE: ReadonlySet<Signer['algorithm']> = new Set(['ecdsa-p256-sha256', 'ed25519', 'rsa-pkcs1-sha256']);

/** Signature lines of other keys are for readers that will want another kind than the first; today there is one such kind. */
const USABLE_BESIDE: ReadonlySet<Signer['algorithm']> = new Set(['ed25519']);

/** One key under one name: makes a signature line for a note's text, and knows such a line again. */
interface NoteSigner {
  readonly verifier: NoteVerifier;
  line(text: string): Promise<string>;
}

/**
 * The log's own signers, in the order of their lines. The first is the one clients know: its key id is the log's, and no note
 * without its signature is the log's. The others may come and go over the life of a log: a note that lacks their lines is as good,
 * but a line of theirs that does not verify spoils the note. Lines of anybody else (cosignatures) come after, and are passed over.
 */
export class NoteSigners {
  /** 32 bytes, of the first. */
  readonly keyId: Uint8Array;
  readonly #own: NoteSigner;
  readonly #all: readonly NoteSigner[];

  /** Throws `misconfigured` for a name no note can carry, and for keys that cannot sign checkpoints or that are given twice. */
  constructor(origin: string, signer: Signer, further: readonly FurtherSigner[]) {
    this.#own = noteSigner(origin, signer, USABLE);
    this.keyId = noteKeyHash(origin, publicKeyFromSpki(signer.spki));
    this.#all = [
      this.#own,
      ...further.map(({ name = origin, signer: other }) => noteSigner(name, other, USABLE_BESIDE)),
    ];
    const keys = [signer, ...further.map((each) => each.signer)].map(({ spki }) => Buffer.from(spki).toString('hex'));
    if (new Set(keys).size < keys.length) throw misconfigured('one key is to sign a checkpoint twice');
  }

  /** One line of each, the first one first. Rejects when any of them cannot sign: what a log's notes carry is no matter of luck. */
  async lines(text: string): Promise<string[]> {
    return Promise.all(this.#all.map((each) => each.line(text)));
  }

  /** Throws unless the first one's signature is there, and every line by one of these keys verifies. */
  verify(note: Note): void {
    const verifiers = this.#all.map(({ verifier }) => verifier);
    const { name, keyHash } = this.#own.verifier;
    const verified = verifyNote(note, verifiers);
    if (verified.some((each) => each.name === name && Buffer.compare(each.keyHash, keyHash) === 0)) return;
    throw new LogError('internal', 'internal error', { detail: "the note lacks the signature of the log's own key" });
  }
}

function noteSigner(name: string, signer: Signer, usable: ReadonlySet<Signer['algorithm']>): NoteSigner {
  if (!isNoteName(name)) throw misconfigured(`origin "${name}" cannot name a checkpoint`);
  if (!usable.has(signer.algorithm)) {
    const wanted = usable.has('ecdsa-p256-sha256') ? 'use P-256 or Ed25519' : 'beside the first key use Ed25519';
    throw misconfigured(`a key for ${signer.algorithm} cannot sign checkpoints; ${wanted}`);
  }
  const key = publicKeyFromSpki(signer.spki);
  const verifier = noteVerifier(name, key);
  return {
    verifier,
    line: async (text) => signatureLine(name, verifier.keyHash, await signer.sign(Buffer.from(text))),
  };
}

function misconfigured(text: string): LogError {
  return new LogError('misconfigured', text);
}
