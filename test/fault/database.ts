import { join } from 'node:path';
import { silentLogger } from '@sigstead/platform';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../cli/src/postgres/index.ts';

/** How PostgreSQL ends. SPEC: PostgreSQL, Shutting Down the Server; `killed` is SIGKILL to the postmaster. */
export const ENDINGS = ['fast', 'immediate', 'killed'] as const;
export type Ending = (typeof ENDINGS)[number];

/** A real PostgreSQL with its durable defaults, which can be ended in every way and comes back on the same data. */
export class Database {
  readonly #dataDir: string;
  #server: EmbeddedPostgres;

  private constructor(dataDir: string, server: EmbeddedPostgres) {
    this.#dataDir = dataDir;
    this.#server = server;
  }

  static async open(folder: string): Promise<Database> {
    const dataDir = join(folder, 'postgres');
    return new Database(dataDir, await start(dataDir));
  }

  /** While it is down: where it was. */
  get connectionString(): string {
    return this.#server.connectionString;
  }

  /** Of the first of its processes. */
  get pid(): number {
    return this.#server.pid;
  }

  /** Ends it and starts it again. Resolves when it takes connections. */
  async restart(ending: Ending): Promise<void> {
    const { pid, ended } = this.#server;
    if (ending !== 'fast') {
      process.kill(pid, ending === 'killed' ? 'SIGKILL' : 'SIGQUIT');
      await ended;
    }
    await this.#server.stop();
    this.#server = await start(this.#dataDir);
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}

function start(dataDir: string): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    dataDir,
    logger: silentLogger,
    settings: { log_min_messages: 'error', log_checkpoints: 'off' },
  });
}
