import { StoreError, type StoreErrorCode } from '../../src/core/errors.ts';
import type { LogStore, SequencingTransaction } from '../../src/core/ports.ts';

export type StoreStep = 'begin' | 'look' | 'insert' | 'commit' | 'settle';

/** A step of the store port, and whether the fault strikes before the step happens or after it has happened. */
export interface Fault {
  step: StoreStep;
  done: boolean;
  /** What the engine is told. */
  code: StoreErrorCode;
}

export interface FaultyStore {
  store: LogStore;
  arm: (fault: Fault) => void;
  /** Faults that have struck. */
  struck: () => number;
  /** Runs once, before the next such step, inside its transaction. */
  before: (step: StoreStep, action: () => Promise<void>) => void;
  /** Connection of the newest transaction. */
  session: () => number;
}

/** A store whose steps fail on request, once for each armed fault, either not done or done all the same. */
export function faultyStore(store: LogStore): FaultyStore {
  const armed: Fault[] = [];
  const actions = new Map<StoreStep, () => Promise<void>>();
  let struck = 0;
  let session = 0;

  async function step<T>(name: StoreStep, run: () => Promise<T>, undo?: () => Promise<void>): Promise<T> {
    const action = actions.get(name);
    actions.delete(name);
    await action?.();
    const at = armed.findIndex((fault) => fault.step === name);
    const [fault] = at === -1 ? [] : armed.splice(at, 1);
    if (fault === undefined) return run();
    struck += 1;
    if (fault.done) await run();
    // What was not done, or done without our knowing, ends with its session unless it was a COMMIT.
    if (!(fault.done && name === 'commit')) await undo?.();
    throw new StoreError(fault.code, `injected: ${name} ${fault.done ? 'done' : 'not done'}`);
  }

  function transaction(tx: SequencingTransaction): SequencingTransaction {
    const undo = (): Promise<void> => tx.rollback();
    session = tx.session;
    return {
      ...tx,
      look: (question) => step('look', () => tx.look(question), undo),
      insert: (rows) => step('insert', () => tx.insert(rows), undo),
      commit: () => step('commit', () => tx.commit(), undo),
    };
  }

  return {
    arm: (fault) => armed.push(fault),
    struck: () => struck,
    before: (name, action) => actions.set(name, action),
    session: () => session,
    store: {
      ...store,
      begin: async () => {
        let opened: SequencingTransaction | undefined;
        const tx = await step(
          'begin',
          async () => {
            opened = await store.begin();
            return opened;
          },
          async () => opened?.rollback(),
        );
        return transaction(tx);
      },
      settle: (question) => step('settle', () => store.settle(question)),
    },
  };
}
