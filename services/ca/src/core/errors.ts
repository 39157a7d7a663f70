/** Every way the authority refuses. The http room maps each to its wire form; the message is the client's text. */
export type CaErrorCode =
  | 'identity_token'
  | 'public_key_unparsable'
  | 'public_key_insecure'
  | 'proof_invalid'
  | 'csr_unparsable'
  | 'algorithm_unrecognized'
  | 'algorithm_not_permitted'
  /** the identity cannot be put into a certificate; message as upstream's library words it */
  | 'identity_unusable'
  /** the log answered, and refused the precertificate or gave an SCT that does not verify */
  | 'ct_refused'
  /** the log could not be reached, or did not answer in time: the client may try again */
  | 'ct_unavailable'
  /** what would be signed could not be recorded first */
  | 'record_failed'
  /** signing failed, or a signature did not verify */
  | 'signer_failed'
  /** our own certificate broke a rule of its profile: a defect here, not the client's fault */
  | 'lint_failed';

/** Texts of the codes that have one; upstream's, to the byte. */
const CLIENT_TEXT: Readonly<Partial<Record<CaErrorCode, string>>> = {
  identity_token: 'There was an error processing the identity token',
  public_key_unparsable: 'The public key supplied in the request could not be parsed',
  public_key_insecure: 'The public key supplied in the request is insecure',
  proof_invalid: 'The signature supplied in the request could not be verified',
  csr_unparsable: 'The certificate signing request could not be parsed',
  ct_refused: 'Error entering certificate in CTL',
  ct_unavailable: 'Error entering certificate in CTL',
  record_failed: 'error communicating with CA backend',
  signer_failed: 'error communicating with CA backend',
  lint_failed: 'error communicating with CA backend',
};

/** `message` is for the client, `detail` and `cause` for the operator's log only. */
export class CaError extends Error {
  readonly code: CaErrorCode;
  readonly detail: string | undefined;

  constructor(code: CaErrorCode, options: { message?: string; detail?: string; cause?: unknown } = {}) {
    super(options.message ?? CLIENT_TEXT[code] ?? code, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'CaError';
    this.code = code;
    this.detail = options.detail;
  }
}

/** A refused token. The client never learns why; the operator's log does. */
export function identityTokenError(detail: string, cause?: unknown): CaError {
  return new CaError('identity_token', cause === undefined ? { detail } : { detail, cause });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
