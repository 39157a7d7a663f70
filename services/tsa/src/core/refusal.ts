/**
 * Why a request gets no token. Closed: the http room maps each to the text upstream sends.
 * - `malformed`: not a request at all, or an imprint algorithm nobody knows
 * - `too_large`: a JSON request over its own bound
 * - `oid_text`: a policy that is no dotted identifier
 */
export type RefusalCode =
  | 'malformed'
  | 'too_large'
  | 'oid_text'
  | 'weak_hash'
  | 'digest_length'
  | 'policy'
  | 'extension';

/** The client's request is refused. `detail` is for the operator's log only. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly detail: string;

  constructor(code: RefusalCode, detail: string) {
    super(`${code}: ${detail}`);
    this.name = 'Refusal';
    this.code = code;
    this.detail = detail;
  }
}
