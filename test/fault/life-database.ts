import { randomBytes } from 'node:crypto';
import { openPool, silentLogger } from '@sigstead/platform';

/** Copying and dropping whole databases waits for a disk that others use too. */
const ADMINISTRATION_MS = 600_000;

/** Databases of one server that are copied and put in each other's place, as a restore or a failed fail-over does. */
export class Databases {
  readonly #server: string;
  readonly #made: string[] = [];

  /** @param server to any database of the server, as its superuser */
  constructor(server: string) {
    this.#server = server;
  }

  url(name: string): string {
    const url = new URL(this.#server);
    url.pathname = `/${name}`;
    return url.href;
  }

  /** A new database: empty, or a copy of one as it is now. Who is connected to that one is cut off for the moment. */
  async copy(from?: string): Promise<string> {
    const name = `life_${randomBytes(6).toString('hex')}`;
    this.#made.push(name);
    if (from === undefined) await this.#run(`create database ${name} template template0`);
    else await this.#alone([from], [`create database ${name} template ${from}`]);
    return name;
  }

  /** Puts `other` in the place of `live`; whoever comes back to that name finds the other data. */
  async swap(live: string, other: string): Promise<void> {
    const aside = `${live}_x`;
    await this.#alone(
      [live, other],
      [
        `alter database ${live} rename to ${aside}`,
        `alter database ${other} rename to ${live}`,
        `alter database ${aside} rename to ${other}`,
      ],
    );
  }

  /** One row of a database. */
  async row<T extends object>(name: string, text: string, values: unknown[] = []): Promise<T | undefined> {
    return (await this.rows<T>(name, text, values))[0];
  }

  async rows<T extends object>(name: string, text: string, values: unknown[] = []): Promise<T[]> {
    const pool = openPool({ connectionString: this.url(name), logger: silentLogger, max: 1 });
    try {
      return (await pool.query<T>(text, values)).rows;
    } finally {
      await pool.end();
    }
  }

  async drop(): Promise<void> {
    for (const name of this.#made.splice(0)) await this.#run(`drop database if exists ${name} with (force)`);
  }

  /** Nobody is connected to these while the statements run. */
  async #alone(names: readonly string[], statements: readonly string[]): Promise<void> {
    const list = names.map((name) => `'${name}'`).join(', ');
    await this.#run(...names.map((name) => `alter database ${name} allow_connections false`));
    const cut = `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname in (${list})`;
    await this.#run(cut, ...statements);
    await this.#run(...names.map((name) => `alter database ${name} allow_connections true`));
  }

  async #run(...statements: string[]): Promise<void> {
    const limits = { max: 1, statementTimeoutMs: ADMINISTRATION_MS };
    const pool = openPool({ connectionString: this.#server, logger: silentLogger, ...limits });
    try {
      for (const statement of statements) await pool.query(statement);
    } finally {
      await pool.end();
    }
  }
}
