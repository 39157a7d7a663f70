import { parseWitnessPolicy, type WitnessPolicy } from '@sigstead/formats';
import { checkWitnessPolicy, type LogSpec } from '@sigstead/log';
import { Failure, messageOf } from '../../failure.ts';
import { type NamedFile, readNamed } from '../config/files.ts';
import type { LogFile } from '../config/sections.ts';

/** The policy that a log's configuration names, fit for that log. Throws a Failure. */
export async function readWitnessPolicy(
  file: NamedFile,
  log: LogFile,
  keys: Pick<LogSpec, 'signer' | 'alsoSign'>,
): Promise<WitnessPolicy> {
  const text = await readNamed(file);
  try {
    const policy = parseWitnessPolicy(text);
    const { name, kind } = log;
    checkWitnessPolicy({ name, kind, origin: new URL(log.publicUrl).hostname, ...keys }, policy);
    return policy;
  } catch (error) {
    throw new Failure(`${file.key}: ${file.path} cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

/** For a process that serves the log; others ask no witnesses. */
export function witnessOf({ witness }: LogFile, policy: WitnessPolicy | undefined): Pick<LogSpec, 'witness'> {
  if (witness === undefined || policy === undefined) return {};
  const { mode, timeoutMs, intervalMs, waitMs } = witness;
  return { witness: { policy, mode, timeoutMs, intervalMs, waitMs } };
}
