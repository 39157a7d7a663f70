import type pg from 'pg';
import type { FaultBench } from './fault-bench.ts';
import type { StoreStep } from './faulty-store.ts';

/** Takes a fault away; throws when it has not struck. */
export type Disarm = () => Promise<void>;

/** Where a trigger strikes: as a row comes in, once it is in, or in COMMIT. */
export type Moment = 'before' | 'after' | 'at commit';
const TIMING: Record<Moment, [head: string, tail: string]> = {
  before: ['create trigger strike before insert', ''],
  after: ['create trigger strike after insert', ''],
  'at commit': ['create constraint trigger strike after insert', 'deferrable initially deferred'],
};

/** The server does `action` (PL/pgSQL) at the first row of that table; a rollback does not arm it again. */
export async function strikeOn(
  bench: FaultBench,
  at: { table: string; moment: Moment; action: string },
): Promise<Disarm> {
  const [head, tail] = TIMING[at.moment];
  await bench.admin.query(`
    create sequence public.strikes;
    create function public.strike() returns trigger language plpgsql as $$
    begin
      if nextval('public.strikes') = 1 then ${at.action} end if;
      return new;
    end $$;
    ${head} on log.${at.table} ${tail} for each row execute function public.strike()`);
  return async () => {
    const { rows } = await bench.admin.query<{ struck: boolean }>('select is_called as struck from public.strikes');
    await bench.admin.query(`
      drop trigger strike on log.${at.table};
      drop function public.strike;
      drop sequence public.strikes`);
    if (rows[0]?.struck !== true) throw new Error('the trigger has not struck');
  };
}

/** SPEC: PostgreSQL, Error Codes */
export const SERIALIZATION_FAILURE = `raise exception 'could not serialize access' using errcode = '40001';`;

/** A session of the writer waits for this. SPEC: PostgreSQL, Wait Events */
export type Wait = 'PgSleep' | 'SyncRep' | 'Lock';

/** Resolves to the process of the writer's session that waits so. Fails after 20 s. */
export async function waiting(bench: FaultBench, wait: Wait): Promise<number> {
  const column = wait === 'Lock' ? 'wait_event_type' : 'wait_event';
  const text = `select pid from pg_stat_activity
                 where datname = current_database() and ${column} = $1 and application_name <> 'bench'`;
  return until(async () => (await bench.admin.query<{ pid: number }>(text, [wait])).rows[0]?.pid);
}

/** Asks until there is something. Fails after 20 s. */
export async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  const deadlineMs = performance.now() + 20_000;
  for (;;) {
    const found = await ask();
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) throw new Error('waited 20 s for nothing');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export type Stroke = 'pg_cancel_backend' | 'pg_terminate_backend';

/** Once the writer waits so, an operator cancels its statement or ends its session. */
export function strokeOn(bench: FaultBench, wait: Wait, stroke: Stroke): Disarm {
  const struck = waiting(bench, wait).then((pid) => bench.admin.query(`select ${stroke}($1)`, [pid]));
  // Awaited in the end; a failure before that is told there.
  struck.catch(() => undefined);
  return async () => void (await struck);
}

/** Before that step of the writer another session takes a lock it will need, and keeps it until the writer has failed. */
export function inTheWay(bench: FaultBench, step: StoreStep, locking: string): Disarm {
  let freed: Promise<void> | undefined;
  bench.store.before(step, async () => {
    const failures = bench.log.metrics.failures.length;
    await bench.rival.query(`begin; ${locking}`);
    freed = until(async () => (bench.log.metrics.failures.length > failures ? true : undefined)).then(async () => {
      await bench.rival.query('rollback');
    });
    freed.catch(() => undefined);
  });
  return async () => {
    if (freed === undefined) throw new Error('nobody was in the way');
    await freed;
  };
}

/** The other session has the table and waits for the lock row, the writer has the lock row and will wait for the table. */
export function deadlock(bench: FaultBench, table: string): Disarm {
  let over: Promise<unknown> | undefined;
  bench.store.before('insert', async () => {
    await bench.rival.query(`begin; lock table log.${table} in share mode`);
    over = bench.rival.query('select log_id from log.locks for update').then(() => bench.rival.query('rollback'));
    over.catch(() => undefined);
    await isWaiting(bench, bench.rival);
  });
  return async () => {
    if (over === undefined) throw new Error('no insert came');
    await over;
    if (!bench.log.metrics.failures.includes('refused')) throw new Error('the writer was not the victim');
  };
}

async function isWaiting(bench: FaultBench, client: pg.Client): Promise<void> {
  const pid = (client as unknown as { processID: number }).processID;
  const text = `select pid from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'`;
  await until(async () => (await bench.admin.query<{ pid: number }>(text, [pid])).rows[0]?.pid);
}

/** A COMMIT that waits for a standby which does not answer, until that wait is cancelled or its session ended. */
export function withoutStandby(bench: FaultBench, stroke: Stroke): Disarm {
  let over: Promise<void> | undefined;
  bench.store.before('commit', async () => {
    await bench.admin.query(`alter system set synchronous_standby_names = 'away'`);
    await reload(bench.admin, 'away');
    await commitsWait(bench);
    over = strokeOn(bench, 'SyncRep', stroke)().then(async () => {
      await bench.admin.query('alter system reset synchronous_standby_names');
      await reload(bench.admin, '');
    });
    over.catch(() => undefined);
  });
  return async () => {
    if (over === undefined) throw new Error('no COMMIT came');
    await over;
  };
}

/**
 * Whether commits wait is decided by the checkpointer, when it has taken the setting over: a commit of the other session
 * is tried until one waits.
 */
async function commitsWait(bench: FaultBench): Promise<void> {
  const pid = (bench.rival as unknown as { processID: number }).processID;
  const text = `select pid from pg_stat_activity where pid = $1 and wait_event = 'SyncRep'`;
  for (let waits = false; !waits; ) {
    let ended = false;
    const commit = bench.rival.query(`select pg_logical_emit_message(true, 'probe', '')`).finally(() => {
      ended = true;
    });
    waits = await until(async () => {
      if ((await bench.admin.query(text, [pid])).rows.length === 1) return true;
      return ended ? false : undefined;
    });
    if (waits) await bench.admin.query('select pg_cancel_backend($1)', [pid]);
    await commit;
  }
}

/** Every session takes a new setting over between two statements of its own; this one has, when it resolves. */
async function reload(client: pg.Client, names: string): Promise<void> {
  await client.query('select pg_reload_conf()');
  await until(async () => {
    const { rows } = await client.query<{ names: string }>('show synchronous_standby_names');
    return Object.values(rows[0] ?? {})[0] === names ? true : undefined;
  });
}
