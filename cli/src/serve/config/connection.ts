import { Failure } from '../../failure.ts';
import { readNamed } from './files.ts';
import type { ServeConfig } from './load.ts';
import type { DatabaseServer } from './values.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Connection strings with their passwords: never to be shown. */
export interface Connections {
  readonly serving: string;
  /** For migrations; the serving one when the configuration names no other. */
  readonly migrating: string;
}

/** Puts the passwords in from where the configuration says they are. Throws a Failure. */
export async function connectionsOf(config: ServeConfig, env: Environment): Promise<Connections> {
  const { database } = config.file;
  if (database === undefined) throw new Failure(`${config.path}: has no database`);
  const at = (url: string): string => withHosts(url, database.hosts);
  const serving = withPassword(at(database.url), await passwordOf(config, env, 'password'));
  if (database.migrationUrl === undefined) return { serving, migrating: serving };
  const migrating = withPassword(at(database.migrationUrl), await passwordOf(config, env, 'migrationPassword'));
  return { serving, migrating };
}

async function passwordOf(
  config: ServeConfig,
  env: Environment,
  prefix: 'password' | 'migrationPassword',
): Promise<string | undefined> {
  const variable = config.file.database?.[`${prefix}Env`];
  if (variable !== undefined) {
    const value = env[variable];
    if (value !== undefined && value !== '') return value;
    throw new Failure(`database.${prefix}Env: the environment has no ${variable}: set it to the password`);
  }
  const file = config.file.database?.[`${prefix}File`];
  if (file === undefined) return undefined;
  const text = await readNamed({ key: `database.${prefix}File`, path: config.resolve(file) });
  return text.replace(/\r?\n$/, '');
}

/** As libpq writes a list: each with its port. The URL names no server of its own then. */
function withHosts(url: string, hosts: readonly DatabaseServer[] | undefined): string {
  if (hosts === undefined) return url;
  const names = hosts.map(({ host }) => encodeURIComponent(host)).join(',');
  const ports = hosts.map(({ port }) => port).join(',');
  return `${url}${url.includes('?') ? '&' : '?'}host=${names}&port=${ports}`;
}

/** As a parameter, since the address may be one that has no place for a user: a socket, a list of hosts. */
function withPassword(url: string, password: string | undefined): string {
  if (password === undefined) return url;
  return `${url}${url.includes('?') ? '&' : '?'}password=${encodeURIComponent(password)}`;
}
