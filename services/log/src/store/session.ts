import { connectPrimary, DatabaseHosts, type ServerNeeds, unfitness } from '@sigstead/platform';
import pg from 'pg';
import { StoreError } from '../core/errors.ts';

/** Limits of a session that may hold a log's lock. All in milliseconds. */
export interface SessionLimits {
  /** A session that holds the lock and says nothing is ended by the server: a paused process must not block the log. */
  idleInTransactionMs: number;
  lockMs: number;
  /** Enforced by the server. */
  statementMs: number;
  /** Enforced here, for when the server or the network is silent. */
  replyMs: number;
  connectMs: number;
}

export const SESSION_LIMITS: SessionLimits = {
  idleInTransactionMs: 2000,
  lockMs: 5000,
  statementMs: 10_000,
  replyMs: 15_000,
  connectMs: 5000,
};

/** Where a session leads. */
export interface SessionTarget {
  hosts: DatabaseHosts;
  /** Refuses a server whose settings may lose what it acknowledged. */
  durable: boolean;
}

/** How often a server is asked anew what it is, while its connection lasts. */
const RECHECK_MS = 1000;

export interface Query {
  /** A prepared statement's name; the text must always be the same for it. */
  name: string;
  text: string;
  values: unknown[];
}

/**
 * One connection of our own, never through a pool, so that a transaction cannot change backends under us. It is opened
 * when it is needed and dropped, never repaired, after any trouble: dropping it rolls back what was open. It leads to the
 * primary of a list of servers, which is asked what it is before anything else, and then about once a second.
 */
export class Session {
  readonly #hosts: DatabaseHosts;
  readonly #needs: ServerNeeds;
  readonly #limits: SessionLimits;
  #client: pg.Client | undefined;
  #checkedMs = 0;
  #noticed = false;
  #broken = false;
  #closed = false;
  /** Counts connections: a change tells the owner that it talks to a server that may have failed over. */
  generation = 0;

  /** @param to a connection string stands for its servers, whatever their settings */
  constructor(to: string | SessionTarget, limits: SessionLimits = SESSION_LIMITS) {
    this.#hosts = typeof to === 'string' ? DatabaseHosts.parse(to) : to.hosts;
    this.#needs = { primary: true, writes: true, durable: typeof to !== 'string' && to.durable };
    this.#limits = limits;
  }

  /** Connects if there is no usable connection. Throws StoreError `lost`. */
  async open(): Promise<void> {
    if (await this.#isUsable()) return;
    this.drop();
    let client: pg.Client;
    try {
      client = await connectPrimary({
        hosts: this.#hosts,
        needs: this.#needs,
        connectTimeoutMs: this.#limits.connectMs,
        client: { keepAlive: true, keepAliveInitialDelayMillis: 5000 },
        prepare: (opened) => opened.query(settings(this.#limits)),
      });
    } catch (cause) {
      throw new StoreError('lost', `no connection to the database: ${messageOf(cause)}`, { cause });
    }
    this.#take(client);
    // It may have been closed meanwhile.
    if (!this.#closed) return;
    this.drop();
    throw new StoreError('lost', 'the store is closed');
  }

  #take(client: pg.Client): void {
    // A connection given up earlier may still report its end: that says nothing about the one in use.
    const ifInUse = (note: () => void) => () => {
      if (this.#client === client) note();
    };
    const broke = ifInUse(() => {
      this.#broken = true;
    });
    const noticed = ifInUse(() => {
      this.#noticed = true;
    });
    client.on('error', broke).on('end', broke).on('notice', noticed);
    this.#broken = false;
    this.#client = client;
    this.#checkedMs = performance.now();
    this.generation += 1;
  }

  /** Settings change while a server runs: one that became unfit is left, and looked for again among all. */
  async #isUsable(): Promise<boolean> {
    if (this.#closed) throw new StoreError('lost', 'the store is closed');
    const client = this.#client;
    if (client === undefined || this.#broken) return false;
    if (performance.now() - this.#checkedMs < RECHECK_MS) return true;
    try {
      const unfit = await this.#withDeadline(unfitness(client, this.#needs));
      this.#checkedMs = performance.now();
      return unfit === undefined;
    } catch {
      return false;
    }
  }

  /** One statement (or several without parameters). Throws `refused` when the server said no, else `lost`. */
  async run(query: Query | string): Promise<pg.QueryResult<Record<string, unknown>>> {
    const client = this.#client;
    if (client === undefined || this.#broken) throw new StoreError('lost', 'the database session has ended');
    try {
      return await this.#withDeadline(client.query<Record<string, unknown>>(query));
    } catch (cause) {
      throw toStoreError(cause, () => this.drop());
    }
  }

  /**
   * COMMIT. Anything but a clean acknowledgement is `unknown`: an error, a lost connection, our own deadline, another
   * command tag, or any notice, since a cancelled wait for a synchronous standby is reported as success with a warning.
   */
  async commit(): Promise<void> {
    const client = this.#client;
    if (client === undefined || this.#broken) throw new StoreError('lost', 'the session ended before COMMIT was sent');
    this.#noticed = false;
    let command: string;
    try {
      const result = await this.#withDeadline(client.query('commit'));
      command = result.command;
    } catch (cause) {
      this.drop();
      throw new StoreError('unknown', 'COMMIT was not acknowledged', { cause });
    }
    if (command !== 'COMMIT' || this.#noticed) {
      this.drop();
      throw new StoreError('unknown', this.#noticed ? 'COMMIT came with a notice' : `COMMIT ended in ${command}`);
    }
  }

  async rollback(): Promise<void> {
    if (this.#client === undefined || this.#broken) return;
    try {
      await this.#withDeadline(this.#client.query('rollback'));
    } catch {
      // The server rolls back when the session ends; whether it heard us does not matter.
      this.drop();
    }
  }

  /** Ends the connection at once, without a word to the server. */
  drop(): void {
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
    stream.destroy();
  }

  /** For good. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#client === undefined || this.#broken) return;
    // The server may be gone already, or silent; there is nothing left that could be lost.
    await this.#withDeadline(this.#client.end()).catch(() => undefined);
    this.#client = undefined;
  }

  async #withDeadline<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        this.drop();
        reject(new Error(`no reply from the database within ${this.#limits.replyMs} ms`));
      }, this.#limits.replyMs);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * Every statement of these sessions finds its rows by an index. Plans are made when a table may be empty, or full and never
 * analysed, and are kept as long as the session: so that none of them reads a whole table, other ways are ruled out.
 * SPEC: PostgreSQL 18, Client Connection Defaults; Query Planning. Over a Unix socket the tcp_* settings are ignored by the server.
 */
function settings(limits: SessionLimits): string {
  return `
    set idle_in_transaction_session_timeout = ${limits.idleInTransactionMs};
    set lock_timeout = ${limits.lockMs};
    set statement_timeout = ${limits.statementMs};
    set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3;
    set tcp_user_timeout = 10000;
    set default_transaction_isolation = 'read committed';
    set client_min_messages = warning;
    set enable_seqscan = off; set enable_bitmapscan = off; set jit = off; set plan_cache_mode = force_generic_plan;
    select set_config('synchronous_commit',
      case when current_setting('synchronous_commit') in ('on', 'remote_apply')
           then current_setting('synchronous_commit') else 'on' end, false)`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Constraint of the row that decides who comes next; its violation means that somebody else did. */
const HEAD_CONSTRAINTS: ReadonlySet<string> = new Set(['heads_pkey', 'heads_log_id_size_key']);

function toStoreError(cause: unknown, drop: () => void): StoreError {
  if (cause instanceof pg.DatabaseError && cause.severity !== 'FATAL' && cause.severity !== 'PANIC') {
    const isConflict = cause.code === '23505' && HEAD_CONSTRAINTS.has(cause.constraint ?? '');
    // SPEC: PostgreSQL, SQLSTATE classes 22 (data exception) and 23 (integrity constraint violation).
    const dataFault = !isConflict && /^2[23]/.test(cause.code ?? '');
    const code = isConflict ? 'conflict' : 'refused';
    return new StoreError(code, `${cause.code ?? ''} ${cause.message}`, { cause, dataFault });
  }
  drop();
  return new StoreError('lost', 'the database session was lost', { cause });
}
