/** Every reason to refuse a model of trust material, or a document derived from one. */
export type TrustErrorCode =
  /** PEM text where DER belongs */
  | 'pem_not_der'
  | 'certificate_invalid'
  | 'key_invalid'
  | 'key_type_unsupported'
  | 'key_details_mismatch'
  /** no start of validity: sigstore-go then refuses the whole root */
  | 'start_missing'
  | 'window_invalid'
  | 'url_invalid'
  | 'url_internal'
  /** a Rekor v2 log whose origin is not exactly the host name of its base URL */
  | 'origin_mismatch'
  /** two Rekor v2 logs of one origin */
  | 'origin_duplicate'
  | 'log_duplicate'
  | 'log_id_missing'
  /** a 4-byte checkpoint key id, or anything else that is not 32 bytes, where the log id belongs */
  | 'log_id_length'
  | 'log_id_mismatch'
  | 'chain_empty'
  | 'chain_order'
  | 'chain_not_ca'
  | 'anchor_not_self_signed'
  | 'authority_duplicate'
  | 'subject_mismatch'
  | 'tsa_chain_short'
  | 'tsa_leaf_is_ca'
  | 'tsa_extended_key_usage'
  | 'tsa_url_without_path'
  | 'operator_invalid'
  | 'api_version_unknown'
  /** a signing service whose window has not begun */
  | 'service_not_live'
  /** a signing service that the trusted root does not name, or names only for another time */
  | 'service_untrusted'
  | 'service_missing'
  /** Rekor v2 entries carry no time of their own */
  | 'timestamping_required'
  | 'media_type'
  | 'not_sorted'
  | 'unknown_field'
  | 'document_malformed';

/** Refusal of trust material: a closed code and the place in the model, e.g. `tlogs[1].baseUrl`. */
export class TrustError extends Error {
  readonly code: TrustErrorCode;
  readonly path: string;

  constructor(code: TrustErrorCode, path: string, message: string, options?: { cause?: unknown }) {
    super(`${path}: ${message}`, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TrustError';
    this.code = code;
    this.path = path;
  }
}
