import {
  type Cosignature,
  cosignatureLine,
  cosignatureMessage,
  cosignatureVerifier,
  decodeCosignature,
  formatVerifierKey,
  type Note,
  type NoteVerifier,
  type ParsedKey,
  publicKeyFromSpki,
  verifierKey,
} from '@sigstead/formats';
import type { Signer } from '@sigstead/keys';
import { Outage, WitnessSetupError } from './errors.ts';

/** Lines under our own name that are looked at: anybody can put any number of them under a note. */
const MAX_OWN_LINES = 16;

/** The witness as others see it, and its hand. */
export class Cosigner {
  readonly name: string;
  /** name+id+key, of type 4: what logs and clients are configured with */
  readonly vkey: string;
  readonly #key: ParsedKey;
  readonly #signer: Signer;
  readonly #verifier: NoteVerifier;

  /** Throws WitnessSetupError `key_unusable`. */
  constructor({ name, signer }: { name: string; signer: Signer }) {
    if (signer.algorithm !== 'ed25519') {
      throw new WitnessSetupError('key_unusable', `a witness signs with Ed25519; this key is ${signer.algorithm}`);
    }
    this.name = name;
    this.#signer = signer;
    this.#key = publicKeyFromSpki(signer.spki);
    this.#verifier = cosignatureVerifier(name, this.#key);
    this.vkey = formatVerifierKey(verifierKey(name, 'cosignature-v1', this.#key));
  }

  /** Our line for a checkpoint's text. It stays private until the caller has made the checkpoint durable. Throws Outage. */
  async cosign(text: string, timestampSec: number): Promise<string> {
    let signature: Uint8Array;
    try {
      signature = await this.#signer.sign(cosignatureMessage(text, timestampSec));
    } catch (cause) {
      throw new Outage('unavailable', 'the key does not sign', { cause });
    }
    return cosignatureLine(this.name, this.#key, { timestampSec, signature });
  }

  /** Our own valid cosignature under a note, the newest one; undefined when there is none. */
  find(note: Note): Cosignature | undefined {
    const own = note.signatures.filter(
      ({ name, keyHash }) => name === this.name && Buffer.compare(keyHash, this.#verifier.keyHash) === 0,
    );
    let newest: Cosignature | undefined;
    for (const { signature } of own.slice(0, MAX_OWN_LINES)) {
      if (!this.#verifier.verify(note.text, signature)) continue;
      const found = decodeCosignature(signature);
      if (newest === undefined || found.timestampSec > newest.timestampSec) newest = found;
    }
    return newest;
  }
}
