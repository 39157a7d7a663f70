import { Closables, createHttpServer, createLogger, createMetrics, ListenError, systemClock } from '@sigstead/platform';
import { composeWitness, originHash, type WitnessHandle } from '@sigstead/witness';
import { Failure } from '../failure.ts';
import { frontRoutes } from '../serve/front.ts';
import { openMetrics } from '../serve/listeners.ts';
import { type WitnessConfig, witnessLogs, witnessSigner } from './load.ts';
import { setupFailure } from './setup-failure.ts';

export interface ServingWitness {
  readonly vkey: string;
  /** Like `127.0.0.1:8094`. */
  readonly addresses: readonly string[];
  /** What the screen says. */
  readonly screen: string;
  /** Answers what is under way, then gives the state back. */
  close(): Promise<void>;
}

/** A request is small and an answer takes milliseconds: who takes longer to send or to read gives its place to others. */
const PATIENCE = { headersTimeoutMs: 5_000, requestTimeoutMs: 10_000, stallTimeoutMs: 20_000, maxHeaderSize: 8 * 1024 };
const DRAIN_MS = 10_000;

/** Serves until it is closed. Throws a Failure; then nothing is left open. */
export async function serveWitness(
  config: WitnessConfig,
  io: { version: string; writeError: (text: string) => void },
): Promise<ServingWitness> {
  const { file } = config;
  const logger = createLogger({ service: 'witness', level: file.logLevel, stream: { write: io.writeError } });
  const metrics = createMetrics();
  const open = new Closables();
  try {
    const witness = open.use(await compose(config, { logger, metrics }));
    let stopping = false;
    const server = createHttpServer({ logger, metrics, ...PATIENCE });
    open.defer(() => {
      stopping = true;
      return server.close({ deadlineMs: DRAIN_MS });
    });
    await server.app.register(witness.routes);
    const parts = [{ name: 'witness', ready: () => witness.ready() }];
    const welcome = welcomeText(config, { witness, version: io.version });
    await server.app.register(frontRoutes({ parts, welcome, stopping: () => stopping }));
    if (file.metrics !== undefined) open.use(await openMetrics(file.metrics.listen, logger, () => metrics.text()));
    const { addresses } = await server.listen(file.listen);
    const screen = `${welcome}\nListening on ${addresses.join(', ')}. Ctrl-C stops it.\n`;
    return { vkey: witness.vkey, addresses, screen, close: () => open.close() };
  } catch (error) {
    await open.close();
    throw listenFailure(error);
  }
}

async function compose(
  config: WitnessConfig,
  { logger, metrics }: Pick<Parameters<typeof composeWitness>[0], 'logger' | 'metrics'>,
): Promise<WitnessHandle> {
  const { file, resolve } = config;
  const options = {
    name: file.name,
    signer: await witnessSigner(config),
    stateFolder: resolve(file.stateFolder),
    ...(file.markFolder === undefined ? {} : { markFolder: resolve(file.markFolder) }),
    logs: await witnessLogs(config),
    prefix: file.publicUrl === undefined ? '' : pathOf(file.publicUrl),
    maxClockBehindSec: file.maxClockBehindSeconds,
  };
  try {
    return await composeWitness({ ...options, clock: systemClock, logger, metrics });
  } catch (error) {
    throw setupFailure(config.path, error);
  }
}

function pathOf(url: string): string {
  const { pathname } = new URL(url);
  return pathname === '/' ? '' : pathname;
}

/** What anybody may know who meets the address. */
function welcomeText(
  { file }: WitnessConfig,
  { witness, version }: { witness: WitnessHandle; version: string },
): string {
  const url = file.publicUrl ?? '';
  const origins = [...new Set(file.logs.map(({ origin, vkey }) => origin ?? vkey?.name ?? ''))];
  const logs = origins.map((origin) => `  ${origin}\n    ${url}/${originHash(origin)}/checkpoint\n`);
  return `Sigstead ${version}: witness ${file.name}

${witness.vkey}

Logs send their checkpoints to ${url}/add-checkpoint (c2sp.org/tlog-witness). What was cosigned last:
${logs.length === 0 ? '  no logs are configured yet\n' : logs.join('')}`;
}

function listenFailure(error: unknown): unknown {
  if (!(error instanceof ListenError)) return error;
  return new Failure(`listen: ${error.message}: change it in the configuration, or free it`, { cause: error });
}
