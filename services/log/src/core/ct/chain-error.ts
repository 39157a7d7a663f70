import { LogError } from '../errors.ts';

/** A chain that the log does not take: the client's text begins as CTFE's does. SPEC: certificate-transparency-go, ctfe */
export function badChain(reason: string, cause?: unknown): LogError {
  return new LogError('entry_refused', `failed to verify add-chain contents: ${reason}`, { cause });
}

/** The chain ends at nobody known: another root may be accepted in a moment. */
export class UnknownRoot extends LogError {
  constructor() {
    super(
      'entry_refused',
      'failed to verify add-chain contents: chain failed to verify: x509: certificate signed by unknown authority',
    );
  }
}
