/** Every way a key or a signature is refused. */
export type KeyErrorCode =
  /** not a PKCS#8 or SEC1 PEM, or encrypted */
  | 'key_unreadable'
  /** a key of a kind that no client of ours accepts */
  | 'key_unsupported'
  /** the private key does not fit its public half, or the self-check signature does not verify */
  | 'key_self_check_failed'
  /** a signature was made that its own public key refuses: a broken device, library or memory */
  | 'signature_wrong';

/** A refused key. `message` is for the operator. */
export class KeyError extends Error {
  readonly code: KeyErrorCode;

  constructor(code: KeyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KeyError';
    this.code = code;
  }
}
