import { decodeBase64Strict, type JsonValue, parseCertificate } from '@sigstead/formats';
import { identityTokenError, messageOf } from '../core/errors.ts';

const MAX_CERTIFICATES = 10;

/** `x5c` takes no part in verification, but junk in it is refused as upstream does. SPEC: RFC 7515 §4.1.6 */
export function checkCertificates(value: JsonValue | undefined): void {
  if (value === undefined) return;
  if (value.kind !== 'array' || value.items.length > MAX_CERTIFICATES) throw identityTokenError('x5c is no short list');
  for (const item of value.items) {
    if (item.kind !== 'string') throw identityTokenError('x5c holds no text');
    try {
      parseCertificate(decodeBase64Strict(item.value));
    } catch (error) {
      throw identityTokenError(`x5c: ${messageOf(error)}`, error);
    }
  }
}
