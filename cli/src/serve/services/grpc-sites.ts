import type { GrpcFile, GrpcServerOptions, HealthCheck } from '@sigstead/platform';
import type { ListenAddress } from '../config/values.ts';
import type { RunningLogs } from './logs.ts';
import type { ComposeOptions } from './options.ts';

/** What one gRPC listener serves: a log, since two have the same methods. */
export interface GrpcSite {
  readonly listen: ListenAddress;
  readonly files: readonly GrpcFile[];
  readonly health: readonly HealthCheck[];
  readonly tls: GrpcServerOptions['tls'];
}

/** One for each log that has `grpc`. */
export function grpcSites({ config, materials }: ComposeOptions, logs: RunningLogs): GrpcSite[] {
  return config.file.logs.flatMap(({ name, grpc }) => {
    if (grpc === undefined) return [];
    const { files, health } = logs.handleOf(name).grpc(name);
    return { listen: grpc.listen, files, health: [health], tls: materials.logs.get(name)?.grpcTls };
  });
}
