import { hash } from 'node:crypto';
import type { Lease } from '../export/lease.ts';
import { Session, type SessionLimits } from './session.ts';

/** The holder says something this often, ms; the server ends a session that says nothing for IDLE_MS. */
const BEAT_MS = 1000;
const IDLE_MS = 5000;

const LIMITS: SessionLimits = {
  idleInTransactionMs: 2000,
  lockMs: 1000,
  statementMs: 3000,
  replyMs: 4000,
  connectMs: 5000,
};

/**
 * A lease that is an advisory lock of a session of its own: it ends with the session, which the server ends when its
 * process is killed, cut off, or paused. It asks for the lock and never waits for it: a waiting statement holds a snapshot,
 * which would keep the tables from being vacuumed. SPEC: PostgreSQL, Advisory Locks; idle_session_timeout (14 and later)
 */
export class PostgresLease implements Lease {
  readonly #session: Session;
  /** The connection on which we got it. */
  #heldOn: number | undefined;
  #beat: NodeJS.Timeout | undefined;

  constructor(connectionString: string) {
    this.#session = new Session(connectionString, LIMITS);
  }

  async hold(name: string): Promise<boolean> {
    await this.#session.open();
    const { generation } = this.#session;
    if (this.#heldOn === generation) return true;
    await this.#session.run(`set idle_session_timeout = ${IDLE_MS}`);
    const key = hash('sha256', name, 'buffer').readBigInt64BE();
    const text = 'select pg_try_advisory_lock($1::bigint) as held';
    const { rows } = await this.#session.run({ name: 'lease', text, values: [key.toString()] });
    if (rows[0]?.['held'] !== true) return false;
    this.#heldOn = generation;
    this.#keepAlive();
    return true;
  }

  async release(): Promise<void> {
    clearInterval(this.#beat);
    if (this.#heldOn === undefined) return;
    this.#heldOn = undefined;
    // Without an answer the session is dropped, and the lock with it.
    await this.#session.run('select pg_advisory_unlock_all()').catch(() => this.#session.drop());
  }

  async close(): Promise<void> {
    clearInterval(this.#beat);
    this.#heldOn = undefined;
    await this.#session.close();
  }

  #keepAlive(): void {
    clearInterval(this.#beat);
    this.#beat = setInterval(() => {
      // A session that has broken is opened again by the next hold().
      this.#session.run('select 1').catch(() => undefined);
    }, BEAT_MS);
    this.#beat.unref();
  }
}
