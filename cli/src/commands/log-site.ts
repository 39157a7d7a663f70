import { LogError, type LogHandle, type LogSpec } from '@sigstead/log';
import { createMetrics, type Logger } from '@sigstead/platform';
import { Failure } from '../failure.ts';
import type { Environment } from '../serve/config/connection.ts';
import type { ServeConfig } from '../serve/config/load.ts';
import type { LogFile } from '../serve/config/sections.ts';
import { logSpec, openLogs, prepareStateFolder } from '../serve/services/logs.ts';
import { loadMaterials } from '../serve/services/materials.ts';

export interface LogIo {
  readonly env: Environment;
  readonly version: string;
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
}

/** What the commands on logs work with. */
export interface LogSite {
  readonly config: ServeConfig;
  /** As the role that owns the tables: the serving role may fill logs, not make or change them. */
  readonly connectionString: string;
  readonly logger: Logger;
  readonly io: LogIo;
}

/** Opens one log with its settings in this process, beside those that serve it. Throws a Failure. */
export async function withLog<T>(
  { config, connectionString, logger, io }: LogSite,
  log: LogFile,
  also: Partial<LogSpec>,
  use: (handle: LogHandle) => Promise<T>,
): Promise<T> {
  await prepareStateFolder(config);
  const materials = await loadMaterials(config);
  const shown = { slot: 1, shared: false, metrics: createMetrics() };
  const options = { config, materials, connectionString, version: io.version, logger, ...shown };
  const handle = await openLogs(options, [
    { ...logSpec(config, materials, log), readOnly: false, hidden: true, ...also },
  ]);
  try {
    return await use(handle);
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    throw new Failure(`log ${log.name}: ${error.detail ?? error.message}`, { cause: error });
  } finally {
    await handle.close();
  }
}

export function entries(count: number): string {
  return `${count} ${count === 1 ? 'entry' : 'entries'}`;
}
