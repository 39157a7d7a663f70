import { Failure } from '../failure.ts';
import type { Environment } from '../serve/config/connection.ts';
import { readServeConfig } from '../serve/config/load.ts';
import { migrateAll } from '../serve/migrations.ts';
import { serveLogger } from '../serve/workers/process.ts';

export interface MigrateIo {
  readonly env: Environment;
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
}

/** Brings the database up to date, as the migrating role. Throws a Failure. */
export async function migrateCommand(configPath: string, { env, write, writeError }: MigrateIo): Promise<void> {
  const config = await readServeConfig(configPath);
  if (config.file.database === undefined) throw new Failure(`${config.path}: names no database, nothing to migrate`);
  const applied = await migrateAll({ config, env, logger: serveLogger(config, 'primary', writeError) });
  write(applied.length === 0 ? 'the database is up to date\n' : applied.map((name) => `applied ${name}\n`).join(''));
}
