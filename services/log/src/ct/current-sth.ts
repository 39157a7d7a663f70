import type { Logger } from '@sigstead/platform';
import type { SignedTreeHead } from '../core/ct/personality.ts';
import type { CtLog } from './add-chain.ts';

/** A head older than this is signed anew when it is asked for. Well within the usual 24 hours of merge delay. */
const MAX_STH_AGE_MS = 3_600_000;

/**
 * The newest signed head. It is never older than the log's maximum merge delay, also while nothing is logged or the log
 * takes nothing; only the last head of a frozen log grows old, as RFC 9162 §4.13 has it for logs that have ended.
 * SPEC: RFC 6962 §3.5
 */
export async function currentSth(ct: CtLog, logger: Logger): Promise<SignedTreeHead> {
  const { reader, sequencer, tree } = ct.log;
  const nowMs = ct.clock.nowMs();
  const sth = ct.personality.readHead(await reader.checkpoint(nowMs));
  if (tree.state === 'frozen' || nowMs - sth.timestampMs < MAX_STH_AGE_MS) return sth;
  try {
    await sequencer.refreshHead();
  } catch (error) {
    logger.warn({ error }, 'the signed tree head is old and cannot be renewed');
  }
  return ct.personality.readHead(await reader.checkpoint(nowMs));
}
