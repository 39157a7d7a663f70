import { join } from 'node:path';
import { composeLog, type CtClient, type LogHandle } from '@sigstead/log';
import type { Clock, Logger, Metrics } from '@sigstead/platform';
import type { KeyRing } from './key-ring.ts';
import { MARKS } from './layout.ts';

export interface DevLogsOptions {
  readonly dataDir: string;
  readonly connectionString: string;
  /** Host name of the public URL. */
  readonly origin: string;
  readonly ctPath: string;
  readonly keys: KeyRing;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** True on the first start only: a known instance whose logs are missing must not get new ones. */
  readonly createLogs: boolean;
}

/** The two logs of a development instance. */
export interface DevLogs extends LogHandle {
  readonly ctLog: CtClient;
}

const REKOR = 'rekor';
const CT = 'dev';

/** Opens the Rekor v2 log at the root of the origin, and the CT log for the CA's certificates. */
export async function composeDevLogs(options: DevLogsOptions): Promise<DevLogs> {
  const { keys, origin, createLogs: create } = options;
  const markFile = (name: string): string => join(options.dataDir, MARKS, `log-${name}`);
  const root = keys.ca.chain.at(-1);
  const handle = await composeLog({
    connectionString: options.connectionString,
    logger: options.logger,
    metrics: options.metrics,
    clock: options.clock,
    logs: [
      { name: REKOR, kind: 'rekor-v2', origin, signer: keys.rekor, create, markFile: markFile(REKOR) },
      {
        name: CT,
        kind: 'ct',
        origin: `${origin}${options.ctPath}`,
        signer: keys.ct,
        acceptedRoots: root === undefined ? [] : [root],
        basePaths: [options.ctPath],
        create,
        markFile: markFile(CT),
      },
    ],
  });
  return { ...handle, ctLog: handle.ct(CT) };
}
