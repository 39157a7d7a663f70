import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { composeDevOidc, type DevOidc } from '@sigstead/dev-oidc';
import { Closables, type Logger, type Metrics, type Routes, systemClock } from '@sigstead/platform';
import { composeTsa, openFileTimeFloor } from '@sigstead/tsa';
import { composeTufRoot, type TufRootHandle } from '@sigstead/tuf-root';
import { composeDevCa } from './compose-ca.ts';
import { composeDevLogs } from './compose-logs.ts';
import type { Part } from './front.ts';
import type { KeyRing } from './key-ring.ts';
import { MARKS } from './layout.ts';
import { devTrustModel } from './trust-model.ts';

export interface ComposeDevOptions {
  readonly dataDir: string;
  readonly connectionString: string;
  readonly publicUrl: string;
  /** Host name of the public URL. */
  readonly origin: string;
  readonly createdMs: number;
  readonly keys: KeyRing;
  readonly version: string;
  /** True until the instance has passed its self-test: only then logs are made. */
  readonly createLogs: boolean;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** All five services, wired in this process; it has no listener yet. */
export interface DevServices {
  readonly routes: readonly Routes[];
  readonly parts: readonly Part[];
  readonly oidc: DevOidc;
  readonly tuf: TufRootHandle;
  close(): Promise<void>;
}

/** Where the CT log is served. */
export const CT_PATH = '/ct/dev';

/**
 * Builds the services on one database and one key ring. What they say to each other over HTTP elsewhere goes through
 * functions here: the CA asks the issuers for their keys and the CT log for its promise. On an error all that was built
 * is closed again.
 */
export async function composeDev(options: ComposeDevOptions): Promise<DevServices> {
  const built = new Closables();
  try {
    return await compose(options, built);
  } catch (error) {
    await built.close();
    throw error;
  }
}

async function compose(options: ComposeDevOptions, built: Closables): Promise<DevServices> {
  const { keys, logger, metrics, publicUrl } = options;
  const clock = systemClock;
  const part = (name: string): Logger => logger.child({ part: name });
  const oidc = built.use(
    await composeDevOidc({
      mode: 'dev',
      logger: part('dev-oidc'),
      clock,
      random: randomBytes,
      publicUrl: () => publicUrl,
      signer: keys.oidc,
    }),
  );
  const logs = built.use(await composeDevLogs({ ...options, logger: part('log'), clock, ctPath: CT_PATH }));
  const ca = built.use(await composeDevCa({ ...options, logger: part('ca'), clock, oidc, ct: logs.ctLog }));
  const tsa = built.use(
    await composeTsa({
      logger: part('tsa'),
      metrics,
      clock,
      random: randomBytes,
      signer: keys.tsa.signer,
      chain: keys.tsa.chain,
      timeFloor: await openFileTimeFloor({ file: join(options.dataDir, MARKS, 'tsa-time') }),
    }),
  );
  const tuf = built.use(
    await composeTufRoot({
      connection: { connectionString: options.connectionString },
      logger: part('tuf-root'),
      metrics,
      clock,
      model: devTrustModel({ ...options, ctPath: CT_PATH }),
      signers: keys.tuf,
      prefix: '/tuf',
      internalUrls: 'allow',
    }),
  );
  const named = { ca, log: logs, tsa, 'tuf-root': tuf, 'dev-oidc': oidc };
  return {
    routes: Object.values(named).map((service) => service.routes),
    parts: Object.entries(named).map(([name, service]) => ({ name, ready: () => service.ready() })),
    oidc,
    tuf,
    close: () => built.close(),
  };
}
