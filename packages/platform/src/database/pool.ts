import { callbackify } from 'node:util';
import pg from 'pg';
import type { Logger } from '../logger.ts';
import { checkHost, connectPrimary, hostTimeoutMs, makeClient, toFault, withinTime } from './connect.ts';
import { type DatabaseHost, DatabaseHosts } from './hosts.ts';
import { PrimaryPool } from './primary-pool.ts';
import type { ServerNeeds } from './server-check.ts';

export type { Pool, PoolClient } from 'pg';

export interface PoolOptions {
  /** `postgresql://…`; a Unix socket as `?host=/folder`; several servers as `h1,h2`, see DatabaseHosts. */
  connectionString: string;
  /** The servers of that string, when other connections shall share the knowledge of which one is the primary. */
  hosts?: DatabaseHosts;
  logger: Logger;
  /** Most connections at once. Default 10. */
  max?: number;
  /** Callers that may wait for a connection; one more is refused at once. Default 1 000. */
  maxWaiting?: number;
  /** Shown to the operator in pg_stat_activity. */
  applicationName?: string;
  /** Idle connections do not keep the process alive: for tools and tests. Default false. */
  allowExitOnIdle?: boolean;
  /** Time to get a connection. Default 5 000. */
  connectTimeoutMs?: number;
  /** Time for a statement, by the server; 5 s later the connection is given up. Default 30 000. */
  statementTimeoutMs?: number;
  /** Server settings of every session of this pool, such as `lock_timeout: '2s'`. */
  settings?: Readonly<Record<string, string>>;
  /** Refuses a server whose settings may lose what it acknowledged, on every new connection. Default false. */
  durable?: boolean;
  /** Only reads, so that a standby that is the only server named will do. Default false: a primary is needed. */
  readOnly?: boolean;
}

/** int8 as bigint for this pool only: the driver's global parser table is shared by everyone and stays untouched. */
const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary'): (value: never) => unknown {
    if (oid === pg.types.builtins.INT8 && format !== 'binary') return (value: string) => BigInt(value);
    return pg.types.getTypeParser(oid, format) as (value: never) => unknown;
  },
};

/** How much longer than a statement may take we wait for the answer: the network may be what is silent. */
const SILENCE_MS = 5000;
/** After that a connection is opened anew, so that the server is asked again what it is. */
const MAX_LIFETIME_SECONDS = 300;

/**
 * Opens no connection yet. Every connection leads to the primary, and each new one asks first whether it does. A
 * connection that breaks while idle is dropped and logged, never thrown. Close with `pool.end()`. Its errors are the
 * driver's, and DatabaseError `no_primary`, `unsafe_settings`, `pool_busy`. Throws DatabaseError `bad_address`.
 */
export function openPool(options: PoolOptions): pg.Pool {
  const hosts = options.hosts ?? DatabaseHosts.parse(options.connectionString);
  const connectTimeoutMs = options.connectTimeoutMs ?? 5000;
  const needs = needsOf(options, hosts);
  // Made and dropped: what the driver does not understand is said now, not when a connection is wanted.
  for (const host of hosts.all) makeClient(host, {});
  const pool = new PrimaryPool(poolConfig(options, { hosts, needs, connectTimeoutMs }), {
    maxWaiting: options.maxWaiting ?? 1000,
    // With one server there is nothing to look for.
    ...(hosts.all.length === 1
      ? {}
      : { findPrimary: async () => (await connectPrimary({ hosts, needs, connectTimeoutMs })).end() }),
  });
  // While a connection is checked out the pool does not listen to it; without a listener its loss would end the process.
  pool.on('connect', (client) => client.on('error', (error) => options.logger.debug({ error }, 'a connection broke')));
  pool.on('error', (error) => options.logger.warn({ error }, 'an idle database connection broke'));
  return pool;
}

/** A list is searched for its primary by everyone; a reader takes the one server it is given as it is. */
function needsOf({ readOnly = false, durable = false }: PoolOptions, hosts: DatabaseHosts): ServerNeeds {
  return { primary: !readOnly || hosts.all.length > 1, writes: !readOnly, durable };
}

interface Target {
  hosts: DatabaseHosts;
  needs: ServerNeeds;
  connectTimeoutMs: number;
}

function poolConfig(options: PoolOptions, { hosts, needs, connectTimeoutMs }: Target): pg.PoolConfig {
  const statementMs = options.statementTimeoutMs ?? 30_000;
  const settings = { statement_timeout: String(statementMs), ...options.settings };
  return {
    max: options.max ?? 10,
    application_name: options.applicationName ?? 'sigstead',
    // The connection's own time is over first, so that the error says which server it was.
    connectionTimeoutMillis: connectTimeoutMs + 500,
    maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
    query_timeout: statementMs + SILENCE_MS,
    keepAlive: true,
    allowExitOnIdle: options.allowExitOnIdle ?? false,
    types,
    options: sessionOptions(settings),
    Client: hostClient({ hosts, needs, timeoutMs: hostTimeoutMs(hosts, connectTimeoutMs) }),
  };
}

/**
 * The driver's client for the server that is the preferred one when it is made: connected only when that server has said
 * what it is. Its connect() fails with a HostFault.
 */
function hostClient(to: { hosts: DatabaseHosts; needs: ServerNeeds; timeoutMs: number }): new () => pg.Client {
  return class extends pg.Client {
    readonly #host: DatabaseHost;

    constructor(config?: pg.ClientConfig) {
      const host = to.hosts.preferred;
      super({ ...config, connectionString: host.connectionString, connectionTimeoutMillis: to.timeoutMs });
      this.#host = host;
    }

    override connect(): Promise<this>;
    override connect(callback: (error: Error) => void): void;
    override connect(callback?: (error: Error) => void): Promise<this> | undefined {
      const open = (): Promise<this> => this.#open();
      if (callback === undefined) return open();
      callbackify(open)(callback);
      return undefined;
    }

    async #open(): Promise<this> {
      try {
        await withinTime(this, to.timeoutMs, async () => {
          await super.connect();
          await checkHost(this, this.#host, to.needs);
        });
        return this;
      } catch (error) {
        this.end().catch(() => undefined);
        throw toFault(this.#host, error);
      }
    }
  };
}

/** SPEC: PostgreSQL, libpq `options`: words split at spaces, backslash escapes. */
function sessionOptions(settings: Readonly<Record<string, string>>): string {
  const word = (text: string): string => text.replace(/[\\ ]/g, (char) => `\\${char}`);
  return Object.entries(settings)
    .map(([name, value]) => `-c ${word(name)}=${word(value)}`)
    .join(' ');
}
