import type { Clock, Logger } from '@sigstead/platform';
import { LogError, StoreError } from '../core/errors.ts';
import type { LifeState } from '../core/life.ts';
import type { HeadClaim, LogStore, Personality, SequencingTransaction } from '../core/ports.ts';
import { checkNote } from '../core/release.ts';
import { checkHeadNote, checkNotBehind, replay } from '../core/state.ts';
import { nextHeadTime } from '../core/time.ts';
import type { Tree } from '../engine/tree.ts';

export interface StateChange {
  state: LifeState;
  /** False when it was that already. */
  changed: boolean;
  /** Of the tree when the state was changed; of the tree now when it was that already. */
  size: number;
}

export interface ChangeDependencies {
  store: LogStore;
  tree: Tree;
  personality: Personality;
  clock: Clock;
  logger: Logger;
  /** Waits before a retry. */
  pause: (ms: number) => Promise<void>;
}

const ATTEMPTS = 20;
const PAUSE_MS = 200;

/**
 * Makes a log active, read-only or frozen for all its processes. The log's lock is taken, so when this resolves no batch
 * of any process is under way and none will be accepted. Freezing signs one more note for the standing head in the same
 * transaction, which is then the last. If we die before the commit nothing has happened, and if its outcome is unknown
 * the next attempt finds it. For a process that sequences nothing itself. Throws LogError: `halted`, `misconfigured` (a
 * frozen log can be nothing else), `unavailable`.
 */
export async function changeState(deps: ChangeDependencies, wanted: LifeState): Promise<StateChange> {
  for (let attempt = 1; ; attempt++) {
    try {
      const done = await attemptChange(deps, wanted);
      if (done === 'behind') continue;
      // The note is read back with its head, and the mark raised to it.
      await deps.tree.catchUp();
      return done;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (attempt >= ATTEMPTS) throw new LogError('unavailable', 'the database does not answer', { cause: error });
      deps.logger.warn({ error, attempt }, 'the state of the log could not be changed yet');
      await deps.pause(PAUSE_MS);
    }
  }
}

async function attemptChange(deps: ChangeDependencies, wanted: LifeState): Promise<StateChange | 'behind'> {
  const { tree } = deps;
  tree.assertRunning();
  const tx = await beginKnown(deps);
  try {
    const staged = await stageChange(tx, deps, wanted);
    if (staged === 'behind') {
      await tx.rollback();
      await tree.catchUp();
    } else {
      // Also when nothing is changed: what was read may be lost in a failover until a COMMIT behind it is acknowledged.
      await tx.commit();
    }
    return staged;
  } catch (error) {
    await tx.rollback();
    if (error instanceof LogError && error.code === 'halted') tree.halt(error);
    throw error;
  }
}

/** A transaction on a server whose tree was compared with what is known and marked. */
async function beginKnown({ store, tree }: ChangeDependencies): Promise<SequencingTransaction> {
  for (let session: number | undefined; ; ) {
    const tx = await store.begin();
    if (tx.session === session) return tx;
    await tx.rollback();
    await tree.catchUp();
    session = tx.session;
  }
}

async function stageChange(
  tx: SequencingTransaction,
  { tree: { known }, personality, clock }: ChangeDependencies,
  wanted: LifeState,
): Promise<StateChange | 'behind'> {
  const view = await tx.look({ identities: [], fromSize: known.head.size });
  checkNotBehind(known.head, view.head);
  const { size } = view.head;
  if (view.state === wanted) return { state: wanted, changed: false, size };
  if (view.state === 'frozen') throw new LogError('misconfigured', 'the log is frozen, and stays so');
  if (view.appended === undefined) return 'behind';
  if (size > known.head.size) checkHeadNote(personality, view.head);
  const edge = replay(known.edge, view.appended, view.head);
  const lastMs = Math.max(view.head.timestampMs, known.head.timestampMs);
  // Later than every note before, so that all processes see that there is a newer one.
  const timestampMs = nextHeadTime({ nowMs: clock.nowMs(), lastMs, strict: true });
  if (wanted === 'frozen') await insertLastNote(tx, personality, { size: edge.size, root: edge.root(), timestampMs });
  await tx.insertState({ state: wanted, size, timestampMs });
  return { state: wanted, changed: true, size };
}

async function insertLastNote(tx: SequencingTransaction, personality: Personality, claim: HeadClaim): Promise<void> {
  const note = await personality.signHead(claim, { final: true });
  checkNote(personality, note, claim);
  await tx.insertNote({ ...claim, note });
}
