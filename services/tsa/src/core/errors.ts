/**
 * Why a timestamp authority is not built, or stops.
 * - `chain_*`, `leaf_*`, `key_mismatch`, `unsupported_key`: the certificate chain or the key is not fit for it
 * - `policy_*`: the configured policies cannot be
 * - `floor_*`: the stored time of the last token cannot be read or written
 */
export type TsaSetupCode =
  | 'chain_too_short'
  | 'chain_unreadable'
  | 'chain_order'
  | 'chain_root'
  | 'chain_ca'
  | 'chain_eku'
  | 'chain_expired'
  | 'leaf_is_ca'
  | 'leaf_eku_missing'
  | 'leaf_eku_not_critical'
  | 'leaf_eku_extra'
  | 'leaf_key_usage'
  | 'leaf_expired'
  | 'key_mismatch'
  | 'unsupported_key'
  | 'policy_invalid'
  | 'policy_default_refused'
  | 'floor_unreadable'
  | 'floor_unwritable';

/** A start that must not happen. `remedy` says in one line what to do. */
export class TsaSetupError extends Error {
  readonly code: TsaSetupCode;
  readonly remedy: string;

  constructor(code: TsaSetupCode, options: { message: string; remedy: string; cause?: unknown }) {
    super(`${options.message}; ${options.remedy}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TsaSetupError';
    this.code = code;
    this.remedy = options.remedy;
  }
}

/**
 * Why no token can be made now, whatever the request.
 * - `clock_behind`: the clock is further behind the last token than we vouch for
 * - `outside_validity`: a certificate of the chain is not valid at this time
 * - `floor_unavailable`: the time of this token could not be stored
 * - `signer_failed`, `signer_timeout`: no signature
 * - `self_check_failed`: a token was made and is wrong; it is thrown away
 */
export type OutageCode =
  | 'clock_behind'
  | 'outside_validity'
  | 'floor_unavailable'
  | 'signer_failed'
  | 'signer_timeout'
  | 'self_check_failed';

/** Our fault, not the request's. `detail` is for the operator's log only. */
export class Outage extends Error {
  readonly code: OutageCode;
  readonly detail: string;

  constructor(code: OutageCode, detail: string, cause?: unknown) {
    super(`${code}: ${detail}`, cause === undefined ? undefined : { cause });
    this.name = 'Outage';
    this.code = code;
    this.detail = detail;
  }
}
