import type { Logger, Metrics } from '@sigstead/platform';
import { LogError } from '../core/errors.ts';
import { closedBy } from '../core/life.ts';
import type { Submission } from '../core/ports.ts';
import { type EntryRules, isSlowToVerify, verifiedEntry } from '../core/rekor-v2/entry.ts';
import { type CreateEntryRequest, proposedEntry } from '../core/rekor-v2/request.ts';
import type { LoggedEntry } from '../core/rekor-v2/response.ts';
import type { Receipt } from '../engine/queue.ts';
import type { OpenLog } from '../open-log.ts';
import { entryMetrics } from './entry-metrics.ts';
import { SlowLane } from './slow-lane.ts';
import type { LoopSource } from './unread.ts';
import { WritePath } from './write-path.ts';

/** What somebody gets who submits what is in the log already: the entry as it is, or its index in a refusal. */
export type Duplicates = 'original' | 'conflict';

/** What becomes of a request that is not refused, in the words of no transport. */
export type CreateEntryAnswer =
  /** The entry is in the tree. Not new: it was there before. */
  | { kind: 'logged'; isNew: boolean; entry: LoggedEntry }
  /** It was there before, and this log answers that with a refusal; `message` is the client's text. */
  | { kind: 'conflict'; index: number; message: string };

/** Where entries of one log are handed in, whatever the transport: one for each log of a process, shared by them all. */
export interface EntryDesk {
  /**
   * Whether one more request may come in: cheap, asked before anything of it is read. A no is answered with PUSHBACK_TEXT
   * and reported to refused(). Requests that it was not asked about are refused by createEntry() itself.
   */
  isOpen(): boolean;
  /** So many were turned away because isOpen() said no. */
  refused(count: number): void;
  /**
   * Verifies a request and resolves once its entry is in the signed, published tree. `signal` carries the caller's
   * deadline, or that he is gone, as a LogError. Throws LogError: entry_refused, entry_too_large, read_only, queue_full,
   * closing, halted, unavailable, deadline, cancelled, internal.
   */
  createEntry(request: CreateEntryRequest, signal: AbortSignal): Promise<CreateEntryAnswer>;
}

export interface EntryDeskOptions {
  log: OpenLog;
  /** 32 bytes: the log's id in answers. */
  keyId: Uint8Array;
  rules: EntryRules;
  /** This process takes no entries. */
  readOnly: boolean;
  duplicates: Duplicates;
  logger: Logger;
  metrics: Metrics;
  loop: LoopSource;
}

/** The one place where entries of a log are handed in, over HTTP as over gRPC. */
export function entryDesk(options: EntryDeskOptions): EntryDesk {
  const { readOnly, metrics, loop, logger } = options;
  const writePath = new WritePath({ loop, logger });
  const seen = entryMetrics(metrics, options.log.name);
  const parts = { ...options, writePath, lane: new SlowLane() };
  return {
    // Who comes to a closed log is told so, however many come.
    isOpen: () => readOnly || writePath.isOpen(),
    refused: (count) => seen.submission('queue_full', count),
    async createEntry(request, signal) {
      try {
        const answer = await createEntry(parts, request, signal);
        seen.submission(answer.kind === 'logged' && answer.isNew ? 'added' : 'duplicate');
        return answer;
      } catch (error) {
        seen.submission(error instanceof LogError ? error.code : 'internal');
        throw error;
      }
    },
  };
}

type Parts = EntryDeskOptions & { writePath: WritePath; lane: SlowLane };

async function createEntry(parts: Parts, request: CreateEntryRequest, signal: AbortSignal): Promise<CreateEntryAnswer> {
  const { log, readOnly, rules, writePath, lane } = parts;
  if (readOnly) throw closedBy('read-only');
  log.sequencer.checkRoom();
  log.publication.checkRoom();
  // What the gate let pass may have come in another spelling, or long before its body.
  writePath.checkRoom();
  const proposed = proposedEntry(request, rules);
  const append = async (entry: Submission): Promise<[Receipt, Submission]> => [
    await log.sequencer.append(entry, signal),
    entry,
  ];
  // How long witnesses take says nothing of how many entries can be served: that is waited for outside of the write path.
  if (!isSlowToVerify(proposed)) {
    const entry = verifiedEntry(proposed, rules);
    return answerOf(parts, await writePath.run(() => append(entry)), signal);
  }
  // Waiting to be verified is part of being under way: so the time it takes narrows what is let in after it.
  const verified = (): Promise<Submission> => lane.run(() => verifiedEntry(proposed, rules), signal);
  return answerOf(parts, await writePath.run(async () => append(await verified())), signal);
}

async function answerOf(
  { log, keyId, duplicates }: Parts,
  [receipt, entry]: [Receipt, Submission],
  signal: AbortSignal,
): Promise<CreateEntryAnswer> {
  const { index } = receipt;
  const { publication } = log;
  if (receipt.kind === 'added') {
    const { record } = receipt;
    const { head, proof } = publication.isWitnessed
      ? await publication.inclusion(index, entry.identity, signal)
      : receipt;
    return { kind: 'logged', isNew: true, entry: loggedEntry(keyId, { index, head, proof, leaf: record.leaf }) };
  }
  // What the store says of it is told only once it is proven. The identity of these entries is their leaf hash, so the proof
  // is for the very bytes that were submitted.
  const { head, proof } = await publication.inclusion(index, entry.identity, signal);
  if (duplicates === 'conflict') {
    const message = `an equivalent entry already exists in the transparency log with index ${index}`;
    return { kind: 'conflict', index, message };
  }
  const { leaf } = entry.leaf({ index, timestampMs: head.timestampMs });
  return { kind: 'logged', isNew: false, entry: loggedEntry(keyId, { index, head, proof, leaf }) };
}

function loggedEntry(
  keyId: Uint8Array,
  {
    head,
    ...rest
  }: Pick<LoggedEntry, 'index' | 'proof' | 'leaf'> & { head: Pick<LoggedEntry, 'size' | 'root' | 'note'> },
): LoggedEntry {
  const { size, root, note } = head;
  return { keyId, size, root, note, ...rest };
}
