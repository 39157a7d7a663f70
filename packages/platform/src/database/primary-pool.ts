import { callbackify } from 'node:util';
import pg from 'pg';
import { HostFault, noPrimary } from './connect.ts';
import { DatabaseError } from './errors.ts';

type Callback = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  release: (drop?: unknown) => void,
) => void;

/**
 * The driver's pool with a bound on those who wait, and one more try after the servers were searched for the primary.
 * Who asks while all connections are in use and enough others wait already is told so at once.
 */
export class PrimaryPool extends pg.Pool {
  readonly #maxWaiting: number;
  readonly #findPrimary: (() => Promise<void>) | undefined;
  #finding: Promise<void> | undefined;

  /** @param own `findPrimary` makes the primary the preferred server, or throws a DatabaseError that names them all */
  constructor(config: pg.PoolConfig, own: { maxWaiting: number; findPrimary?: () => Promise<void> }) {
    super(config);
    this.#maxWaiting = own.maxWaiting;
    this.#findPrimary = own.findPrimary;
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<pg.PoolClient> | undefined {
    const checkOut = (): Promise<pg.PoolClient> => this.#checkOut();
    if (callback === undefined) return checkOut();
    callbackify(checkOut)((error: Error | null, client?: pg.PoolClient) => {
      callback(error ?? undefined, client, (drop) => client?.release(drop as boolean));
    });
    return undefined;
  }

  async #checkOut(): Promise<pg.PoolClient> {
    const { max } = this.options;
    // Those for whom a connection is idle are in the list for this turn of the event loop only.
    if (this.waitingCount >= this.#maxWaiting + this.idleCount) {
      throw busy(`all ${max} database connections are in use and ${this.waitingCount} callers wait`);
    }
    try {
      return await super.connect();
    } catch (error) {
      if (this.#findPrimary === undefined || !(error instanceof HostFault)) throw toDatabaseError(error, max);
    }
    this.#finding ??= this.#findPrimary().finally(() => {
      this.#finding = undefined;
    });
    await this.#finding;
    try {
      return await super.connect();
    } catch (error) {
      throw toDatabaseError(error, max);
    }
  }
}

function toDatabaseError(error: unknown, max: number): unknown {
  if (error instanceof HostFault) return noPrimary([error]);
  // What the driver's pool says to those who waited; it has no code for it.
  const waited = error instanceof Error && error.message === 'timeout exceeded when trying to connect';
  return waited ? busy(`none of the ${max} database connections became free in time`, error) : error;
}

function busy(text: string, cause?: unknown): DatabaseError {
  return new DatabaseError('pool_busy', text, cause);
}
