/** Every reason why the publisher refuses to go on. None reaches a client: what was published before stays served. */
export type TufErrorCode =
  /** a key that is not ECDSA P-256: no other is read by every client */
  | 'key_unsupported'
  | 'threshold_impossible'
  /** a new repository, or a change that needs a new root, without a signer for the root role */
  | 'root_signer_missing'
  | 'targets_signer_missing'
  /** the given online key is not in the published root, and no root signer is at hand to put it there */
  | 'signer_not_in_root'
  | 'metadata_malformed'
  | 'metadata_too_large'
  | 'signature_threshold'
  | 'signature_repeated'
  | 'key_id_mismatch'
  | 'version_unexpected'
  /** lower than what was seen before, or the same version with other content */
  | 'version_rollback'
  | 'role_dropped'
  | 'expired'
  | 'file_missing'
  | 'target_unknown'
  | 'length_mismatch'
  | 'hash_mismatch'
  /** a rule of ours about published files is broken; the message says which */
  | 'lint'
  /** an entry of the published trust material is gone or starts later in the new model */
  | 'entry_removed'
  | 'entry_start_later'
  /** a Rekor v2 log would be announced under another host name than its old checkpoints carry */
  | 'origin_changed'
  | 'model_malformed'
  | 'target_name'
  | 'period_invalid'
  /** the database shows less than this process has already published or served */
  | 'state_went_back'
  /** other publishers were faster, again and again */
  | 'publish_contended'
  | 'closed';

/** Refusal of the publisher: a closed code; the message is for the operator. */
export class TufError extends Error {
  readonly code: TufErrorCode;

  constructor(code: TufErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TufError';
    this.code = code;
  }
}
