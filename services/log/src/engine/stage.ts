import type { GetNode, TreeHasher } from '@sigstead/merkle';
import { LogError } from '../core/errors.ts';
import type { LifeState } from '../core/life.ts';
import { type BatchPlan, planBatch } from '../core/plan.ts';
import type { HeadClaim, Personality, SequencingTransaction, StoredHead, Submission } from '../core/ports.ts';
import { checkNote, proveBatch } from '../core/release.ts';
import { checkHeadNote, checkNotBehind, type LogState, replay } from '../core/state.ts';
import { nextHeadTime } from '../core/time.ts';
import type { Receipt, Waiter } from './queue.ts';

/** A planned, signed and proven batch whose rows are in an open transaction. */
export interface Staged {
  plan: BatchPlan;
  proofs: Uint8Array[][];
  /** What this process knew of the tree. */
  from: LogState;
  /** The tree it was built on. */
  standing: LogState;
  /** What the tree will be; undefined when the batch adds nothing. */
  state: LogState | undefined;
}

export interface StageInput {
  hasher: TreeHasher;
  personality: Personality;
  metrics: { proofFailed(): void };
  /** What this process knows of the tree. */
  known: LogState;
  nowMs: number;
  submissions: readonly Submission[];
}

/** What a log that takes no entries is: the lock is held, so no batch can be under way while it becomes that. */
export type Closed = Exclude<LifeState, 'active'>;

/**
 * Everything of a batch but its COMMIT. Nothing slow happens here: others wait for the lock. `behind` when others have
 * appended more than can be taken over under the lock; a state when the log takes no entries. Throws StoreError, and LogError: `halted` when the head read
 * contradicts what is known, `unavailable` when the clock is behind, `internal` when something cannot be proven.
 */
export async function stageBatch(tx: SequencingTransaction, input: StageInput): Promise<Staged | 'behind' | Closed> {
  const { personality, hasher, known, nowMs, submissions } = input;
  const view = await tx.look({ identities: submissions.map((s) => s.identity), fromSize: known.head.size });
  checkNotBehind(known.head, view.head);
  if (view.state !== 'active') return view.state;
  if (view.appended === undefined) return 'behind';
  // Nothing is built on a head that this log has not signed, whoever wrote it into the database.
  if (view.head.size > known.head.size) checkHeadNote(personality, view.head);
  const edge = replay(known.edge, view.appended, view.head);
  // A newer note of the same size is not looked into here.
  const standing = view.head.size > known.head.size ? { head: view.head, edge } : known;
  const lastMs = Math.max(view.head.timestampMs, known.head.timestampMs);
  const timestampMs = nextHeadTime({ nowMs, lastMs, strict: personality.strictTime });
  const plan = planBatch({ hasher, edge, timestampMs, submissions, known: view.known });
  if (plan.grown === undefined) return { plan, proofs: [], from: known, standing, state: undefined };
  const claim = { size: plan.grown.edge.size, root: plan.grown.edge.root(), timestampMs };
  const note = await personality.signHead(claim);
  const signed = checkNote(personality, note, claim);
  const head = { ...claim, note, ordinal: 0 };
  const { getNode } = plan.grown;
  const proofs = await insertAndProve(tx, { ...input, plan, base: view.head, head, signed, getNode });
  return { plan, proofs, from: known, standing, state: { head, edge: plan.grown.edge } };
}

/**
 * A new note for the standing head, in an open transaction; undefined when the head has moved on. A log that is read-only
 * goes on to say that it stands; a frozen one has said its last word. As stageBatch.
 */
export async function stageNote(
  tx: SequencingTransaction,
  input: Pick<StageInput, 'personality' | 'known' | 'nowMs'>,
): Promise<'staged' | Closed | undefined> {
  const { personality, known, nowMs } = input;
  const view = await tx.look({ identities: [], fromSize: known.head.size });
  checkNotBehind(known.head, view.head);
  if (view.state === 'frozen') return view.state;
  if (view.head.size !== known.head.size) return undefined;
  const lastMs = Math.max(view.head.timestampMs, known.head.timestampMs);
  const timestampMs = nextHeadTime({ nowMs, lastMs, strict: personality.strictTime });
  // The root comes out of the edge this process has proven, and equals the stored one: checkNotBehind compared them.
  const claim = { size: known.edge.size, root: known.edge.root(), timestampMs };
  const note = await personality.signHead(claim);
  checkNote(personality, note, claim);
  await tx.insertNote({ ...claim, note });
  return 'staged';
}

/** Proves the batch while the database works on its rows: the lock is held no longer for it. */
async function insertAndProve(
  tx: SequencingTransaction,
  batch: StageInput & { plan: BatchPlan; base: HeadClaim; head: StoredHead; signed: HeadClaim; getNode: GetNode },
): Promise<Uint8Array[][]> {
  const { hasher, base, head, signed, getNode } = batch;
  const { records, leafHashes, identities, fullTiles, searchKeys, issuers } = batch.plan;
  const inserting = tx.insert({
    previousSize: base.size,
    head,
    records,
    leafHashes,
    identities,
    fullTiles,
    findsByLeafHash: batch.personality.findsByLeafHash,
    searchKeys,
    issuers,
  });
  try {
    return proveBatch({ hasher, base, signed, leafHashes, getNode });
  } catch (error) {
    batch.metrics.proofFailed();
    throw error;
  } finally {
    await inserting;
  }
}

/** Tells every waiter what became of its submission. Only after the batch is durable, marked and published. */
export function answerAll(batch: readonly Waiter[], staged: Staged): void {
  batch.forEach((waiter, i) => {
    const verdict = staged.plan.verdicts[i];
    if (verdict === undefined || verdict.kind === 'failed') waiter.reject(verdict?.error);
    else if (verdict.kind === 'duplicate') waiter.resolve({ kind: 'duplicate', index: verdict.index });
    else waiter.resolve(receiptOf(verdict.index, staged));
  });
}

function receiptOf(index: number, staged: Staged): Receipt {
  const at = index - staged.standing.head.size;
  const proof = staged.proofs[at];
  const record = staged.plan.records[at];
  if (staged.state === undefined || proof === undefined || record === undefined) {
    throw new LogError('internal', 'failed to integrate entry', { detail: `no proof for entry ${index}` });
  }
  return { kind: 'added', index, head: staged.state.head, proof, record };
}
