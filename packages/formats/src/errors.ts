/**
 * Every way a codec of this package can refuse its input. Services map these codes to their own wire errors; the message
 * is for the operator unless the code's own documentation says that it equals the text an upstream server sends.
 */
export type FormatErrorCode =
  /** base64 text that is not exactly the expected alphabet, length or padding */
  | 'base64_invalid'
  /** no JSON value at all: empty input or white space only */
  | 'json_empty'
  /** broken JSON; the message is the text Go's encoding/json gives for the same input */
  | 'json_syntax'
  | 'json_depth'
  | 'json_too_many_values'
  | 'json_duplicate_name'
  /** invalid UTF-8, or an escaped surrogate without its other half */
  | 'json_unicode'
  /** JSON that does not fit the message; the message is the text Go's protojson gives */
  | 'protojson'
  /** not the binary format; the message is the text Go's protobuf gives, unless a limit was passed */
  | 'protobuf'
  /** a value that a canonical encoding cannot express */
  | 'canonical_unencodable'
  | 'der_invalid'
  | 'pem_invalid'
  | 'x509_invalid'
  /** a public key that no library of the upstream servers would parse */
  | 'key_unparsable'
  | 'key_details_unknown'
  | 'note_malformed'
  | 'note_unsigned'
  | 'note_signature_invalid'
  | 'note_name_invalid'
  | 'checkpoint_malformed'
  /** a verifier key (vkey) that is none, of a type we do not have, or whose id is not its own */
  | 'vkey_malformed'
  | 'cosignature_malformed'
  | 'add_checkpoint_malformed'
  /** the message begins with the number of the line */
  | 'witness_policy_invalid'
  | 'tls_malformed'
  | 'tls_out_of_range'
  | 'dsse_malformed';

/** The only error this package throws for bad input. `offset` counts bytes from the start of the input, where it is known. */
export class FormatError extends Error {
  readonly code: FormatErrorCode;
  readonly offset: number | undefined;

  constructor(code: FormatErrorCode, message: string, options?: { offset?: number; cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'FormatError';
    this.code = code;
    this.offset = options?.offset;
  }
}
