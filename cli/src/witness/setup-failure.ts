import { WitnessSetupError } from '@sigstead/witness';
import { Failure } from '../failure.ts';

/** What stops the start of a witness, with the file that names it. */
export function setupFailure(path: string, error: unknown): unknown {
  return error instanceof WitnessSetupError ? new Failure(`${path}: ${error.message}`, { cause: error }) : error;
}
