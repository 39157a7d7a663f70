import { LogError } from '../core/errors.ts';

/** What the store gave is not what the signed tree holds, or is not there at all. It was given to nobody. */
export class DamagedRead extends LogError {
  /** Whether other bytes stand there; otherwise something is missing. */
  readonly contradicts: boolean;

  constructor(detail: string, options: { contradicts: boolean; cause?: unknown }) {
    super('internal', 'internal error', { detail, cause: options.cause });
    this.contradicts = options.contradicts;
  }
}
