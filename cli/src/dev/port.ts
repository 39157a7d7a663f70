import { createHttpServer, createMetrics, grpcError, ListenError, type Logger } from '@sigstead/platform';
import { Failure } from '../failure.ts';

/** A port that is held until the real server takes it over. */
export interface HeldPort {
  readonly port: number;
  release(): Promise<void>;
}

export interface WantedPort {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** The option that names another one. */
  readonly flag: '--port' | '--metrics-port' | '--grpc-port';
}

/**
 * Takes the port at the very start: a taken one is said at once, and a free one is known before certificates and trust
 * material name it. Meanwhile every request is told that the instance is starting. Throws a Failure.
 */
export async function holdPort(at: WantedPort, logger: Logger): Promise<HeldPort> {
  const server = createHttpServer({ logger, metrics: createMetrics() });
  server.app.all('/*', (_request, reply) => grpcError(reply, 503, 14, 'the instance is starting'));
  try {
    const { port } = await server.listen(at);
    return { port, release: () => server.close({ deadlineMs: 500 }) };
  } catch (error) {
    throw listenFailure(error, at.flag);
  }
}

/** A listen error as the one line that says what to do. */
function listenFailure(error: unknown, flag: string): unknown {
  if (!(error instanceof ListenError)) return error;
  switch (error.code) {
    case 'port_taken':
      return new Failure(
        `${error.message}: stop that program, or choose another one with ${flag} (0 takes a free one)`,
        {
          cause: error,
        },
      );
    case 'not_permitted':
      return new Failure(`${error.message}: choose one above 1023 with ${flag}`, { cause: error });
    case 'address_unavailable':
      return new Failure(`${error.message}: choose another one with --host`, { cause: error });
    case 'listen_failed':
      return new Failure(error.message, { cause: error });
  }
}
