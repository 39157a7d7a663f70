import {
  DatabaseError,
  DatabaseHosts,
  type Logger,
  migrate,
  type Migration,
  openPool,
  type Pool,
  transaction,
} from '@sigstead/platform';
import { Failure, messageOf } from '../failure.ts';
import { type EmbeddedPostgres, EmbeddedPostgresError, startEmbeddedPostgres } from '../postgres/index.ts';
import type { Instance } from './instance-file.ts';

/** The system of record of this run. */
export interface Database {
  readonly connectionString: string;
  /** Whether it is the user's, named by DATABASE_URL. */
  readonly isOwn: boolean;
  /** Resolves if the embedded server ends although nobody closed it; never for a database of one's own. */
  readonly lost: Promise<void>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** DATABASE_URL, if set. */
  readonly url: string | undefined;
  /** Folder of the embedded server. */
  readonly folder: string;
  readonly logger: Logger;
  readonly onProgress: (what: string) => void;
}

/** What takes long enough to be told; the start itself is a step of its own. */
const STEPS: Record<string, string> = {
  copying: 'copying the PostgreSQL programs',
  initdb: 'making the database',
  waiting: 'waiting for an earlier PostgreSQL to stop',
};

/** Starts the embedded PostgreSQL, or checks that one's own can be reached. Throws a Failure. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  if (options.url !== undefined) return ownDatabase(options.url, options.logger);
  let server: EmbeddedPostgres;
  try {
    server = await startEmbeddedPostgres({
      dataDir: options.folder,
      logger: options.logger,
      onProgress: (step) => {
        const text = STEPS[step];
        if (text !== undefined) options.onProgress(text);
      },
    });
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw new Failure(error.message, { cause: error });
    throw error;
  }
  let closing = false;
  const ended = server.ended.then(
    () => undefined,
    () => undefined,
  );
  return {
    connectionString: server.connectionString,
    isOwn: false,
    lost: new Promise((resolve) => {
      void ended.then(() => {
        if (!closing) resolve();
      });
    }),
    close: () => {
      closing = true;
      return server.stop();
    },
  };
}

async function ownDatabase(url: string, logger: Logger): Promise<Database> {
  if (!/^postgres(ql)?:\/\//.test(url)) throw new Failure('DATABASE_URL must be like postgresql://user@host/database');
  let pool: Pool | undefined;
  try {
    pool = openPool({ connectionString: url, logger, max: 1, connectTimeoutMs: 5_000 });
    await pool.query('SELECT 1');
  } catch (error) {
    const reason = reasonOf(error);
    throw new Failure(`cannot reach the database of DATABASE_URL at ${whereIs(url)}: ${reason}`, { cause: error });
  } finally {
    await pool?.end();
  }
  return { connectionString: url, isOwn: true, lost: new Promise(() => undefined), close: async () => undefined };
}

/** Host and database name; never the user or the password. */
function whereIs(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return serversOf(url);
  return `${parsed.host === '' ? 'the local socket' : parsed.host}${parsed.pathname}`;
}

/** A list of servers with ports is no URL to anybody but PostgreSQL's clients. */
function serversOf(url: string): string {
  try {
    return String(DatabaseHosts.parse(url));
  } catch {
    return 'an address that cannot be read';
  }
}

/** Several addresses of one host fail together as an error without a text of its own. */
function reasonOf(error: unknown): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return messageOf(first);
}

const SCHEMA = 'sigstead_instance';
const MIGRATIONS: readonly Migration[] = [
  {
    name: '0001-identity',
    sql: `CREATE TABLE identity (
      only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      instance_id uuid NOT NULL
    )`,
  },
];

/**
 * Ties database and data folder together. An empty database takes this instance's id only while the folder has never
 * had one: keys over an empty database would start a second history of the same logs.
 * Throws a Failure when the two do not belong together.
 */
export async function bindDatabase(pool: Pool, instance: Instance, dataDir: string): Promise<void> {
  await migrate({ pool, schema: SCHEMA, migrations: MIGRATIONS });
  const found = await transaction(pool, async (client) => {
    if (!instance.databaseBound) {
      const insert = `INSERT INTO ${SCHEMA}.identity (instance_id) VALUES ($1) ON CONFLICT DO NOTHING`;
      await client.query(insert, [instance.id]);
    }
    const { rows } = await client.query<{ instance_id: string }>(`SELECT instance_id FROM ${SCHEMA}.identity`);
    return rows[0]?.instance_id;
  });
  if (found === instance.id) return;
  if (found === undefined) {
    throw new Failure(
      `the database holds nothing of the instance in ${dataDir}: restore it from a backup, or choose a new folder with --data`,
    );
  }
  throw new Failure(
    `the database belongs to another instance than the data folder ${dataDir}: choose that instance's folder with --data, or another database`,
  );
}

/** The same with a connection of its own. Throws a Failure, also for a database of a newer release. */
export async function bindInstance(
  database: Database,
  instance: Instance,
  dataDir: string,
  logger: Logger,
): Promise<void> {
  const pool = openPool({ connectionString: database.connectionString, logger, max: 1 });
  try {
    await bindDatabase(pool, instance, dataDir);
  } catch (error) {
    if (error instanceof DatabaseError)
      throw new Failure(`the database cannot be used: ${error.message}`, { cause: error });
    throw error;
  } finally {
    await pool.end();
  }
}
