import type { Sct } from '@sigstead/formats';
import type { Clock } from '@sigstead/platform';
import { type AcceptedChain, acceptChain } from '../core/ct/chain.ts';
import { UnknownRoot } from '../core/ct/chain-error.ts';
import { ctSubmission, type LeafRules, logsSubmission } from '../core/ct/entry.ts';
import type { IssuerLinks } from '../core/ct/issuer-links.ts';
import type { CtPersonality } from '../core/ct/personality.ts';
import { type AdmissionRules, checkRules } from '../core/ct/rules.ts';
import { LogError } from '../core/errors.ts';
import { closedBy } from '../core/life.ts';
import type { OpenLog } from '../open-log.ts';
import type { IssuerSource } from '../read/issuer-source.ts';
import type { RootFollower } from '../roots/root-follower.ts';

/** One CT log as it was opened, with all that answering needs. */
export interface CtLog {
  readonly log: OpenLog;
  readonly personality: CtPersonality;
  /** Name of its checkpoints. */
  readonly origin: string;
  readonly roots: RootFollower;
  readonly rules: AdmissionRules;
  readonly leaves: LeafRules;
  /** Certificates that entries refer to. */
  readonly issuers: IssuerSource;
  readonly signatures: IssuerLinks;
  readonly clock: Clock;
  readonly readOnly: boolean;
}

/**
 * Logs a chain and signs its SCT, which is given out only once the entry is in the signed tree. The same entry again
 * gets an SCT with the time and the extensions of the first. Throws LogError.
 */
export async function addChain(
  ct: CtLog,
  chain: readonly Uint8Array[],
  type: 'x509' | 'precert',
  signal?: AbortSignal,
): Promise<Sct> {
  const { log, leaves } = ct;
  if (ct.readOnly) throw closedBy('read-only');
  log.sequencer.checkRoom();
  const accepted = await accept(ct, chain, type);
  checkRules(accepted, ct.rules, ct.clock.nowMs());
  const submission = ctSubmission(accepted, type, leaves);
  const receipt = await log.sequencer.append(submission, signal);
  const { index } = receipt;
  const record = receipt.kind === 'added' ? receipt.record : await log.reader.record(index);
  // What was read back may have been changed in the database: an SCT is signed for what was submitted, or not at all.
  if (receipt.kind === 'duplicate' && !logsSubmission(record.leaf, { index, submission }, leaves)) {
    throw new LogError('internal', 'internal error', { detail: `entry ${index} is not what its identity says` });
  }
  return ct.personality.signSct(record.leaf);
}

/** A CA may have a new root that this process has not seen yet: its sources are looked at before the chain is refused. */
async function accept(ct: CtLog, chain: readonly Uint8Array[], type: 'x509' | 'precert'): Promise<AcceptedChain> {
  const known = ct.roots.roots;
  try {
    return acceptChain(chain, known, type, ct.signatures);
  } catch (error) {
    if (!(error instanceof UnknownRoot)) throw error;
    await ct.roots.lookAgain();
    if (ct.roots.roots !== known) return acceptChain(chain, ct.roots.roots, type, ct.signatures);
    const [missing] = ct.roots.unknownSources;
    if (missing === undefined) throw error;
    const detail = `a chain led to an unknown root, and ${missing} could not be read yet`;
    throw new LogError('unavailable', 'log is temporarily unavailable', { detail, cause: error });
  }
}
