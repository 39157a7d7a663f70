import { join } from 'node:path';
import { freePort } from '../support/index.ts';
import { DebianPostgres } from './debian-postgres.ts';

/** Of the role `sigstead`, which owns the database of that name. */
export const PASSWORD = 'pw1';

/** Servers of PostgreSQL beside each other: one, and what was restored from its backups. */
export class PostgresServers {
  readonly #base: string;
  readonly #all: DebianPostgres[] = [];
  readonly wal: string;

  constructor(base: string) {
    this.#base = base;
    this.wal = join(base, 'wal');
  }

  async initialise(): Promise<DebianPostgres> {
    const first = await this.#next();
    await first.initialise();
    await first.sql(
      `create role sigstead login password '${PASSWORD}'`,
      'create database sigstead owner sigstead',
      'alter system set archive_mode = on',
      `alter system set archive_command = '${this.#archive('%p', `${this.wal}/%f`)}'`,
    );
    await first.stop('fast');
    await first.start();
    return first;
  }

  async backUp(server: DebianPostgres): Promise<string> {
    const backup = join(this.#base, 'backup');
    await server.program(
      'pg_basebackup',
      '-h',
      this.#base,
      '-p',
      String(server.port),
      '-U',
      'postgres',
      '-D',
      backup,
      '-c',
      'fast',
    );
    return backup;
  }

  async restore(backup: string, settings: readonly string[], signal?: string): Promise<DebianPostgres> {
    const restored = await this.#next();
    await restored.copyOf(backup, settings, signal);
    await restored.start();
    return restored;
  }

  async stop(): Promise<void> {
    for (const server of this.#all) if (await server.isRunning()) await server.stop('immediate').catch(() => undefined);
  }

  /** A segment that is there whole is never replaced by another one; the same comes again after a crash. */
  #archive(from: string, to: string): string {
    return `mkdir -p ${this.wal} && (cmp -s ${from} ${to} || (test ! -f ${to} && cp ${from} ${to}.part && mv ${to}.part ${to}))`;
  }

  async #next(): Promise<DebianPostgres> {
    const server = new DebianPostgres(this.#base, `db${this.#all.length + 1}`, await freePort());
    this.#all.push(server);
    return server;
  }
}
