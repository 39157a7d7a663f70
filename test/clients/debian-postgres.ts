import { appendFile, chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { globSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { run, runOk } from './process.ts';

/** Where Debian keeps the programs of a PostgreSQL. */
const FOLDER = globSync('/usr/lib/postgresql/*/bin').sort().at(-1) ?? '';

/** False, or why the programs cannot be used here: the `skip` of tests. */
export async function missingPostgres(): Promise<string | false> {
  const probe = await run(join(FOLDER, 'pg_basebackup'), ['--version']).catch(() => undefined);
  if (probe?.code !== 0) return 'pg_basebackup is not installed';
  if (!isRoot) return false;
  const other = await run('setpriv', ['--version']).catch(() => undefined);
  return other?.code === 0 ? false : 'PostgreSQL does not run as root, and setpriv is not installed';
}

const isRoot = userInfo().uid === 0;
const NOBODY = 65_534;

/** One server run by PostgreSQL's own programs, as the failover page has it. */
export class DebianPostgres {
  readonly #base: string;
  readonly data: string;
  readonly port: number;

  /** @param base a folder that everybody may enter and write to */
  constructor(base: string, name: string, port: number) {
    this.#base = base;
    this.data = join(base, name);
    this.port = port;
  }

  /** A program of PostgreSQL, under an account that may run it. */
  program(name: string, ...args: readonly string[]): Promise<string> {
    const env = { PATH: '/usr/bin:/bin', HOME: this.#base, LC_ALL: 'C', PGPASSFILE: join(this.#base, 'pgpass') };
    const command = [name === 'cp' ? name : join(FOLDER, name), ...args];
    const account = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
    const [first = '', ...rest] = isRoot ? [...account, ...command] : command;
    return runOk(first, rest, { env, cwd: this.#base }).then(({ stdout }) => stdout.trim());
  }

  /** As superuser, over the socket. */
  sql(...statements: readonly string[]): Promise<string> {
    const commands = statements.flatMap((statement) => ['-c', statement]);
    return this.program(
      'psql',
      '-h',
      this.#base,
      '-p',
      String(this.port),
      '-U',
      'postgres',
      '-d',
      'postgres',
      '-At',
      ...commands,
    );
  }

  async until(statement: string, wanted: string): Promise<void> {
    const endMs = performance.now() + 30_000;
    for (let found = ''; found !== wanted; found = await this.sql(statement)) {
      if (performance.now() > endMs) throw new Error(`${statement}: it stays at "${found}"`);
    }
  }

  async initialise(): Promise<void> {
    await this.#makeFolder();
    await this.program('initdb', '-D', this.data, '-U', 'postgres', '--auth-host=scram-sha-256', '--auth-local=trust');
    await this.#configure();
    await this.start();
  }

  /** Copies a running server, to follow it under this name. */
  async follow(primary: DebianPostgres, name: string): Promise<void> {
    await this.#makeFolder();
    const from = `host=127.0.0.1 port=${primary.port} user=replicator application_name=${name}`;
    await this.program('pg_basebackup', '-d', from, '-D', this.data, '-R', '-X', 'stream', '-c', 'fast');
    await this.#configure();
    await this.start();
  }

  /** Begins from a copy of a data folder, with these settings. */
  async copyOf(folder: string, settings: readonly string[], signal?: string): Promise<void> {
    await this.program('cp', '-a', folder, this.data);
    await this.#configure();
    await appendFile(join(this.data, 'postgresql.auto.conf'), settings.map((line) => `${line}\n`).join(''));
    if (signal !== undefined) await writeFile(join(this.data, signal), '');
  }

  async start(): Promise<void> {
    await this.program('pg_ctl', '-D', this.data, '-l', join(this.#base, `log-${this.port}`), '-w', 'start');
  }

  async stop(mode: 'fast' | 'immediate'): Promise<void> {
    await this.program('pg_ctl', '-D', this.data, '-m', mode, '-w', 'stop');
  }

  async promote(): Promise<void> {
    await this.program('pg_ctl', '-D', this.data, '-w', 'promote');
  }

  async isRunning(): Promise<boolean> {
    return (await readFile(join(this.data, 'postmaster.pid'), 'utf8').catch(() => '')) !== '';
  }

  async #makeFolder(): Promise<void> {
    await mkdir(this.data, { mode: 0o700 });
    if (isRoot) await chown(this.data, NOBODY, NOBODY);
  }

  #configure(): Promise<void> {
    const settings = { port: this.port, listen_addresses: "'127.0.0.1'", unix_socket_directories: `'${this.#base}'` };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
    return appendFile(join(this.data, 'postgresql.conf'), lines.join(''));
  }
}

/** Lets the account enter and write, and know the password of replication. */
export async function prepareBase(base: string, password: string): Promise<void> {
  await chmod(base, 0o777);
  const file = join(base, 'pgpass');
  await writeFile(file, `127.0.0.1:*:*:replicator:${password}\n`, { mode: 0o600 });
  if (isRoot) await chown(file, NOBODY, NOBODY);
}
