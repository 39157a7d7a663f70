import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type CaHandle, composeCa, type CtClient, httpCtClient, issuersFromFile } from '@sigstead/ca';
import { Closables, type Logger, type Routes, systemClock } from '@sigstead/platform';
import { composeTsa, TSA_CLEAN_PATHS, type TsaHandle } from '@sigstead/tsa';
import type { TufRootHandle } from '@sigstead/tuf-root';
import type { DevOidc } from '@sigstead/dev-oidc';
import type { ListenAddress } from '../config/values.ts';
import type { Part } from '../front.ts';
import { documentsOf, openDevIssuers } from './dev-issuers.ts';
import { type GrpcSite, grpcSites } from './grpc-sites.ts';
import { composeLogs, type RunningLogs, stateFolderOf } from './logs.ts';
import type { ComposeOptions } from './options.ts';
import { startStep } from './start-failure.ts';
import { openSharedTimeFloor } from './time-floor.ts';
import { openTuf } from './tuf.ts';

/** What one listener serves. */
export interface Site {
  readonly listen: ListenAddress;
  readonly routes: readonly Routes[];
  readonly parts: readonly Part[];
  readonly cleanPaths: readonly string[];
}

/** The configured services of one process; they have no listener yet. */
export interface ComposedServices {
  readonly sites: readonly Site[];
  readonly grpcSites: readonly GrpcSite[];
  readonly tuf: TufRootHandle | undefined;
  readonly devOidc: DevOidc | undefined;
  close(): Promise<void>;
}

/** Builds what the configuration names. On an error all that was built is closed again. Throws a Failure. */
export async function composeServices(options: ComposeOptions): Promise<ComposedServices> {
  const built = new Closables();
  try {
    return { ...(await compose(options, built)), close: () => built.close() };
  } catch (error) {
    await built.close();
    throw error;
  }
}

interface Service {
  readonly name: string;
  readonly listen: ListenAddress;
  readonly handle: { routes: Routes; ready(): Promise<{ ok: boolean; detail?: string }> };
  readonly cleanPaths?: readonly string[];
}

async function compose(options: ComposeOptions, built: Closables): Promise<Omit<ComposedServices, 'close'>> {
  const { file, path } = options.config;
  const logs = await composeLogs(options, built);
  const services: Service[] = logs.groups.map(({ listen, handle }) => ({ name: 'log', listen, handle }));
  const devOidc = await startStep('devOidc', path, () => openDevIssuers(options));
  if (file.devOidc !== undefined && devOidc !== undefined) {
    services.push({ name: 'dev-oidc', listen: file.devOidc.listen, handle: built.use(devOidc) });
  }
  if (file.ca !== undefined) {
    const handle = built.use(await startStep('ca', path, () => openCa(options, logs, devOidc)));
    services.push({ name: 'ca', listen: file.ca.listen, handle });
  }
  if (file.tsa !== undefined) {
    const handle = built.use(await startStep('tsa', path, () => openTsa(options)));
    services.push({ name: 'tsa', listen: file.tsa.listen, handle, cleanPaths: TSA_CLEAN_PATHS });
  }
  let tuf: TufRootHandle | undefined;
  if (file.tuf !== undefined) {
    tuf = built.use(await startStep('tuf', path, () => openTuf(options)));
    services.push({ name: 'tuf-root', listen: file.tuf.listen, handle: tuf });
  }
  return { sites: sitesOf(services), grpcSites: grpcSites(options, logs), tuf, devOidc };
}

function openCa(options: ComposeOptions, logs: RunningLogs, devOidc: DevOidc | undefined): Promise<CaHandle> {
  const { config, materials, connectionString = '', metrics, version } = options;
  const { ca } = config.file;
  const own = materials.ca;
  if (ca === undefined || own === undefined) throw new TypeError('no ca in the configuration');
  return composeCa({
    connection: connectionString,
    requireDurableDatabase: isDurable(options),
    logger: partLogger(options, 'ca'),
    metrics,
    clock: systemClock,
    random: randomBytes,
    signer: own.signer,
    chain: own.chain,
    issuers: issuersFromFile(ca.issuers),
    ct: ctOf(options, logs),
    ...(devOidc === undefined ? {} : { inProcessIssuers: documentsOf(devOidc) }),
    version,
  });
}

/** Whether a database whose settings may lose what it acknowledged is refused. */
function isDurable({ config }: ComposeOptions): boolean {
  return config.file.database?.dangerouslyAllowUnsafeSettings !== true;
}

/** A log of this process is reached by a call, any other over HTTP. */
function ctOf(
  { config, materials }: ComposeOptions,
  logs: RunningLogs,
): { client: CtClient; publicKeySpki: Uint8Array } {
  const { log, url } = config.file.ca?.ct ?? {};
  const foreign = materials.foreignCt;
  if (url !== undefined && foreign !== undefined) {
    const { spki, caCertificate } = foreign;
    const client = httpCtClient({ url, ...(caCertificate === undefined ? {} : { caCertificate }) });
    return { client, publicKeySpki: spki };
  }
  const own = materials.logs.get(log ?? '');
  if (log === undefined || own === undefined) throw new TypeError('no ct log in the configuration');
  return { client: logs.ct(log), publicKeySpki: own.signer.spki };
}

async function openTsa(options: ComposeOptions): Promise<TsaHandle> {
  const { config, materials, metrics, slot } = options;
  const own = materials.tsa;
  if (own === undefined) throw new TypeError('no tsa in the configuration');
  return composeTsa({
    logger: partLogger(options, 'tsa'),
    metrics,
    clock: systemClock,
    random: randomBytes,
    signer: own.signer,
    chain: own.chain,
    includeChain: config.file.tsa?.includeChain ?? false,
    timeFloor: await openSharedTimeFloor({ file: join(stateFolderOf(config), 'tsa-time'), slot }),
  });
}

function partLogger({ logger }: ComposeOptions, part: string): Logger {
  return logger.child({ part });
}

function sitesOf(services: readonly Service[]): Site[] {
  const groups = Map.groupBy(services, ({ listen }) => `${listen.host}:${listen.port}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    return {
      listen: first.listen,
      routes: group.map(({ handle }) => handle.routes),
      parts: group.map(({ name, handle }) => ({ name, ready: () => handle.ready() })),
      cleanPaths: group.flatMap(({ cleanPaths }) => cleanPaths ?? []),
    };
  });
}
