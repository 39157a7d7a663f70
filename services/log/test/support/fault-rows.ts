import type { StoreErrorCode } from '../../src/core/errors.ts';
import type { WireStep } from './cutting-proxy.ts';
import type { FaultBench, Switch } from './fault-bench.ts';
import type { StoreStep } from './faulty-store.ts';
import {
  deadlock,
  type Disarm,
  inTheWay,
  type Moment,
  SERIALIZATION_FAILURE,
  strikeOn,
  type Stroke,
  strokeOn,
  until,
  withoutStandby,
} from './server-faults.ts';

export type Told = '201 after a retry' | '201' | '503, stored: 201 with its index when asked again';

/** One fault of one step. */
export interface FaultRow {
  step: string;
  fault: string;
  /** Whether the step was done all the same. */
  done: boolean;
  arm: (bench: FaultBench) => Promise<Disarm>;
  told: Told;
  /** Whether the writer goes on over the connection it had. */
  reconnects: boolean;
  /** The batch must complete a tile. */
  fillsTile?: boolean;
}

const BOTH = [false, true] as const;
const retried = { told: '201 after a retry', reconnects: false } as const;
const reconnected = { told: '201 after a retry', reconnects: true } as const;

/** The store port itself fails: what the engine is told, whatever the driver makes of a real fault. */
function told(step: string, port: StoreStep, code: StoreErrorCode): FaultRow[] {
  return BOTH.map((done) => ({
    step,
    fault: `the port says \`${code}\``,
    done,
    ...retried,
    arm: (bench) => {
      const before = bench.store.struck();
      bench.store.arm({ step: port, done, code });
      return assertStruck(() => bench.store.struck() - before);
    },
  }));
}

/** The connection is cut before the server gets the message, or after it has done what it says. */
function cut(step: string, wire: WireStep): FaultRow[] {
  return BOTH.map((done) => ({
    step,
    fault: 'connection cut',
    done,
    ...reconnected,
    arm: (bench) => {
      const before = bench.proxy.cuts();
      bench.proxy.cutAt(wire, done ? 'after' : 'before');
      return assertStruck(() => bench.proxy.cuts() - before);
    },
  }));
}

function assertStruck(count: () => number): Promise<Disarm> {
  return Promise.resolve(() =>
    count() === 1 ? Promise.resolve() : Promise.reject(new Error(`struck ${count()} times`)),
  );
}

/** Fails in the server, before its first row of that table or after it. */
function serialization(step: string, table: string): FaultRow[] {
  return BOTH.map((done) => ({
    step,
    fault: 'serialization failure',
    done,
    ...retried,
    fillsTile: table === 'tiles',
    arm: (bench) => strikeOn(bench, { table, moment: done ? 'after' : 'before', action: SERIALIZATION_FAILURE }),
  }));
}

/** The server is still at it when an operator steps in. */
function stroke(step: string, how: Stroke, at: { table: string; moment: Moment }): FaultRow {
  return {
    step,
    fault: how === 'pg_cancel_backend' ? 'statement cancelled' : 'session terminated',
    done: at.moment === 'after',
    ...(how === 'pg_cancel_backend' && at.moment !== 'at commit' ? retried : reconnected),
    arm: async (bench) => {
      const disarm = await strikeOn(bench, { ...at, action: 'perform pg_sleep(3);' });
      const struck = strokeOn(bench, 'PgSleep', how);
      return async () => {
        await struck();
        await disarm();
      };
    },
  };
}

function locked(step: string, port: StoreStep, locking: string): FaultRow {
  return {
    step,
    fault: 'lock timeout',
    done: false,
    ...retried,
    arm: (bench) => Promise.resolve(inTheWay(bench, port, locking)),
  };
}

/** COMMIT takes longer than we wait for it; what it ends in is seen later. */
function slowCommit(done: boolean): FaultRow {
  const action = `perform pg_sleep(2); ${done ? '' : SERIALIZATION_FAILURE}`;
  return {
    step: 'commit',
    fault: 'our own deadline',
    done,
    ...reconnected,
    told: done ? '201' : '201 after a retry',
    arm: (bench) => strikeOn(bench, { table: 'heads', moment: 'at commit', action }),
  };
}

function standby(how: Stroke): FaultRow {
  const fault =
    how === 'pg_cancel_backend'
      ? 'wait for the standby cancelled (WARNING)'
      : 'session terminated in the wait for the standby';
  const arm: FaultRow['arm'] = (bench) => Promise.resolve(withoutStandby(bench, how));
  return { step: 'commit', fault, done: true, told: '201', reconnects: true, arm };
}

function switched(step: string, fault: string, of: (bench: FaultBench) => Switch, tellsCaller: Told): FaultRow[] {
  return BOTH.map((done) => ({
    step,
    fault,
    done,
    told: tellsCaller,
    reconnects: false,
    arm: (bench) => {
      const before = of(bench).struck;
      of(bench).fail = done ? 'after' : 'before';
      // An export follows the answer.
      return Promise.resolve(
        async () => void (await until(() => Promise.resolve(of(bench).struck > before || undefined))),
      );
    },
  }));
}

/** A COMMIT that took effect is found, not repeated. */
const found = (rows: FaultRow[]): FaultRow[] => rows.map((row) => (row.done ? { ...row, told: '201' as const } : row));

/** Every step of a batch, in its order. */
export const FAULT_ROWS: readonly FaultRow[] = [
  ...told('take the lock', 'begin', 'lost'),
  ...cut('take the lock', 'begin'),
  locked('take the lock', 'begin', 'select log_id from log.locks for update'),
  ...told('read head, look up', 'look', 'lost'),
  ...cut('read head, look up', 'look'),
  locked('read head, look up', 'look', 'lock table log.identities in access exclusive mode'),
  ...told('insert (all rows)', 'insert', 'lost'),
  ...told('insert (all rows)', 'insert', 'refused'),
  ...cut('insert (all rows)', 'insert'),
  locked('insert (all rows)', 'insert', 'lock table log.batches in share mode'),
  {
    step: 'insert (all rows)',
    fault: 'deadlock',
    done: false,
    ...retried,
    arm: (bench) => Promise.resolve(deadlock(bench, 'batches')),
  },
  ...serialization('insert entries', 'batches'),
  ...serialization('insert identities', 'identities'),
  stroke('insert entries', 'pg_cancel_backend', { table: 'batches', moment: 'before' }),
  stroke('insert entries', 'pg_cancel_backend', { table: 'batches', moment: 'after' }),
  stroke('insert entries', 'pg_terminate_backend', { table: 'batches', moment: 'before' }),
  stroke('insert entries', 'pg_terminate_backend', { table: 'batches', moment: 'after' }),
  ...serialization('insert tiles', 'tiles'),
  ...serialization('insert head', 'heads'),
  ...told('insert head', 'insert', 'conflict'),
  stroke('insert head', 'pg_terminate_backend', { table: 'heads', moment: 'before' }),
  stroke('insert head', 'pg_terminate_backend', { table: 'heads', moment: 'after' }),
  ...found(told('commit', 'commit', 'unknown')),
  ...found(cut('commit', 'commit')),
  {
    ...serialization('commit', 'heads')[0]!,
    reconnects: true,
    arm: (bench) => strikeOn(bench, { table: 'heads', moment: 'at commit', action: SERIALIZATION_FAILURE }),
  },
  stroke('commit', 'pg_cancel_backend', { table: 'heads', moment: 'at commit' }),
  stroke('commit', 'pg_terminate_backend', { table: 'heads', moment: 'at commit' }),
  slowCommit(false),
  slowCommit(true),
  standby('pg_cancel_backend'),
  standby('pg_terminate_backend'),
  ...switched('advance mark', 'i/o error', ({ mark }) => mark, '503, stored: 201 with its index when asked again'),
  ...switched('export a tile', 'i/o error', ({ exportCreate }) => exportCreate, '201'),
  ...switched('export the checkpoint', 'i/o error', ({ exportReplace }) => exportReplace, '201'),
];
