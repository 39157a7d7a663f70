/** Every way a DER, PEM or X.509 decoder of this package refuses its input. */
export type DerErrorCode =
  | 'truncated'
  | 'trailing_bytes'
  | 'unexpected_tag'
  | 'high_tag_number'
  | 'bad_length'
  | 'bad_integer'
  | 'bad_boolean'
  | 'bad_bit_string'
  | 'bad_oid'
  | 'bad_time'
  | 'bad_string'
  | 'bad_structure'
  | 'too_large'
  | 'too_deep'
  | 'too_many_nodes'
  | 'bad_pem';

/** A refused encoding. `code` is closed; `message` names the place for the operator, never for the client. */
export class DerError extends Error {
  readonly code: DerErrorCode;

  constructor(code: DerErrorCode, message: string) {
    super(message);
    this.name = 'DerError';
    this.code = code;
  }
}
