import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { silentLogger } from '@sigstead/platform';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../cli/src/postgres/index.ts';

/**
 * Real PostgreSQL servers in one temporary folder: primaries, and standbys copied from them. Their settings are
 * PostgreSQL's defaults, changed with ALTER SYSTEM as an operator does. Remove them with close().
 */
export class TestCluster {
  readonly #folder: string;
  readonly #servers: ClusterServer[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(): Promise<TestCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'sigstead-cluster-'));
    // As root PostgreSQL runs under another account, which must be able to pass through.
    await chmod(folder, 0o711);
    return new TestCluster(folder);
  }

  async primary(name = 'primary'): Promise<ClusterServer> {
    return this.#start(name, {});
  }

  /** A streaming standby, called `name` in synchronous_standby_names; resolves when it follows. */
  async standbyOf(primary: ClusterServer, name = 'standby'): Promise<ClusterServer> {
    const root = join(this.#folder, name);
    await mkdir(root, { mode: 0o755 });
    await primary.copyTo(join(root, 'cluster'));
    const { host, port } = primary.address;
    const primaryConnection = `host=${host} port=${port} user=sigstead dbname=postgres application_name=${name}`;
    const standby = await this.#start(name, {
      primary_conninfo: primaryConnection,
      wal_retrieve_retry_interval: '100ms',
    });
    await primary.until(`select 1 from pg_stat_replication where application_name = '${name}' and state = 'streaming'`);
    return standby;
  }

  async #start(name: string, settings: Readonly<Record<string, string>>): Promise<ClusterServer> {
    const server = await ClusterServer.start(join(this.#folder, name), settings);
    this.#servers.push(server);
    return server;
  }

  async close(): Promise<void> {
    // A primary waits for its standby to have everything when it is stopped, so none is asked.
    await Promise.all(this.#servers.map((server) => server.end('immediate').catch(() => undefined)));
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 40, retryDelay: 100 });
  }
}

/** One server of a cluster, which may be ended and started again on its data. */
export class ClusterServer {
  readonly #root: string;
  readonly #settings: Readonly<Record<string, string>>;
  #server: EmbeddedPostgres;
  #isRunning = true;

  private constructor(root: string, settings: Readonly<Record<string, string>>, server: EmbeddedPostgres) {
    this.#root = root;
    this.#settings = settings;
    this.#server = server;
  }

  static async start(root: string, settings: Readonly<Record<string, string>>): Promise<ClusterServer> {
    return new ClusterServer(root, settings, await launch(root, settings));
  }

  get connectionString(): string {
    return this.#server.connectionString;
  }

  get address(): { host: string; port: string } {
    const { searchParams } = new URL(this.connectionString);
    return { host: searchParams.get('host') ?? '', port: searchParams.get('port') ?? '' };
  }

  async query(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.connectionString, connectionTimeoutMillis: 5000 });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** Changes settings as an operator does; null takes a change back. Resolves when new sessions have them. */
  async configure(settings: Readonly<Record<string, string | null>>): Promise<void> {
    for (const [name, value] of Object.entries(settings)) {
      const set = value === null ? `reset ${name}` : `set ${name} = '${value.replaceAll("'", "''")}'`;
      await this.query(`alter system ${set}`);
    }
    await this.query('select pg_reload_conf()');
    for (const [name, value] of Object.entries(settings)) {
      const wanted = value === null ? 'setting = boot_val' : `setting = '${value.replaceAll("'", "''")}'`;
      await this.until(`select 1 from pg_settings where name = '${name}' and ${wanted}`);
    }
  }

  /** Waits until a query gives a row. */
  async until(text: string, timeoutMs = 30_000): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    while ((await this.query(text)).length === 0) {
      if (performance.now() > endMs) throw new Error(`never came true: ${text}`);
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
  }

  /** `immediate` is as a crash, but for the machine. SPEC: PostgreSQL, Shutting Down the Server */
  async end(how: 'fast' | 'immediate'): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    if (how === 'immediate') process.kill(this.#server.pid, 'SIGQUIT');
    await this.#server.stop();
  }

  /** On the data it ended with. */
  async startAgain(): Promise<void> {
    this.#server = await launch(this.#root, this.#settings);
    this.#isRunning = true;
  }

  /** Makes a standby the primary; resolves when it takes writes. */
  async promote(): Promise<void> {
    await this.query('select pg_promote(true, 60)');
  }

  /** Copies its data while it runs, to what starts as its standby. SPEC: PostgreSQL, Making a Base Backup Using the Low Level API */
  async copyTo(cluster: string): Promise<void> {
    const from = join(this.#root, 'cluster');
    const client = new pg.Client({ connectionString: this.connectionString });
    await client.connect();
    try {
      await client.query("select pg_backup_start('standby', true)");
      await promisify(execFile)('cp', ['-a', from, cluster]);
      const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)');
      await rm(join(cluster, 'postmaster.pid'));
      await writeAs(from, join(cluster, 'backup_label'), rows[0]?.labelfile ?? '');
      await writeAs(from, join(cluster, 'standby.signal'), '');
    } finally {
      await client.end();
    }
  }
}

/** The connection string of a database on several servers, in this order. */
export function listOf(servers: readonly ClusterServer[]): string {
  const hosts = servers.map(({ address }) => encodeURIComponent(address.host)).join(',');
  const ports = servers.map(({ address }) => address.port).join(',');
  return `postgresql://sigstead@localhost/postgres?host=${hosts}&port=${ports}`;
}

function launch(root: string, settings: Readonly<Record<string, string>>): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    dataDir: root,
    logger: silentLogger,
    settings: { log_min_messages: 'error', log_checkpoints: 'off', ...settings },
  });
}

/** A file of the same owner as the data it goes with. */
async function writeAs(like: string, path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  const { uid, gid } = await stat(like);
  await chown(path, uid, gid);
}
