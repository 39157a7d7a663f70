import { createMetrics } from '@sigstead/platform';
import { Failure } from '../failure.ts';
import { quoted } from '../option-values.ts';
import { connectionsOf, type Environment } from '../serve/config/connection.ts';
import { readServeConfig } from '../serve/config/load.ts';
import { makeFirstEntry } from '../serve/first-entry.ts';
import { refusePending } from '../serve/migrations.ts';
import { logSpec, openLogs, prepareStateFolder } from '../serve/services/logs.ts';
import { loadMaterials } from '../serve/services/materials.ts';
import { serveLogger } from '../serve/workers/process.ts';

export interface LogIo {
  readonly env: Environment;
  readonly version: string;
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
}

/**
 * Creates a configured log, with its first entry when clients want one. May be repeated: a log that is the same already is
 * left as it is, and a creation that was cut short is finished. Throws a Failure, also when the name belongs to another log.
 */
export async function logCreateCommand(flags: { config: string; name: string }, io: LogIo): Promise<void> {
  const config = await readServeConfig(flags.config);
  const log = config.file.logs.find(({ name }) => name === flags.name);
  if (log === undefined) {
    const known = config.file.logs.map(({ name }) => name).join(', ');
    throw new Failure(
      `${config.path}: logs has none named ${quoted(flags.name)}${known === '' ? '' : `; it has ${known}`}`,
    );
  }
  const logger = serveLogger(config, 'primary', io.writeError);
  const { env, version } = io;
  await refusePending({ config, env, logger });
  await prepareStateFolder(config);
  const materials = await loadMaterials(config);
  // The serving role may fill logs, not make them.
  const { migrating: connectionString } = await connectionsOf(config, env);
  const metrics = createMetrics();
  const options = { config, materials, connectionString, version, slot: 1, shared: false, logger, metrics };
  const handle = await openLogs(options, [{ ...logSpec(config, materials, log), readOnly: false, create: true }]);
  try {
    const size = handle.stats()[0]?.size ?? 0;
    if (log.kind === 'rekor-v2' && size === 0) await makeFirstEntry(handle.routes, logger);
    const entries = handle.stats()[0]?.size ?? 0;
    io.write(`log ${log.name} (${log.kind}) is there, with ${entries} ${entries === 1 ? 'entry' : 'entries'}\n`);
  } finally {
    await handle.close();
  }
}
