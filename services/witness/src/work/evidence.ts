import { createHash } from 'node:crypto';
import type { AddCheckpointRequest } from '@sigstead/formats';
import type { Logger } from '@sigstead/platform';
import type { LogStore } from '../core/ports.ts';
import { contradicted, type LogState } from '../core/state.ts';
import type { WitnessMetrics } from '../metrics.ts';

export interface EvidenceParts {
  readonly origin: string;
  readonly store: LogStore;
  readonly logger: Logger;
  readonly metrics: WitnessMetrics;
}

/** Of a submitted note, in the log; the file has all of it. */
const MAX_LOGGED_CHARS = 4096;

/**
 * Keeps and tells of a checkpoint that its log has signed and that cannot be of the tree we cosigned, whatever the request
 * is answered: both notes together prove it to anybody.
 */
export async function keepFork(
  state: LogState,
  { checkpoint, signed }: AddCheckpointRequest,
  { origin, store, logger, metrics }: EvidenceParts,
): Promise<void> {
  const other = contradicted(state, checkpoint);
  if (other === undefined) return;
  const id = createHash('sha256').update(checkpoint.root).digest('hex').slice(0, 16);
  const name = `${checkpoint.size}-${id}`;
  metrics.forked(origin);
  const kept = await keepPair({ name, cosigned: other.note, submitted: signed }, { origin, store, logger });
  const facts = { log: origin, size: checkpoint.size, evidence: name };
  // Anybody who has the note can send it again: the whole of it is told once.
  if (kept === 'known') logger.warn(facts, 'a log that has forked shows the same checkpoint again');
  else {
    const notes = { cosigned: other.note, submitted: signed.slice(0, MAX_LOGGED_CHARS) };
    logger.error({ ...facts, kept, ...notes }, 'a log has forked: it has signed two roots for one size');
  }
}

/** Keeps two notes; that it failed is told, not thrown: the answer does not depend on it. */
export async function keepPair(
  pair: { name: string; cosigned: string; submitted: string },
  { origin, store, logger }: Omit<EvidenceParts, 'metrics'>,
): Promise<'kept' | 'known' | 'full' | 'failed'> {
  try {
    return await store.keepEvidence(pair);
  } catch (error) {
    logger.error({ log: origin, error }, 'evidence could not be kept');
    return 'failed';
  }
}
