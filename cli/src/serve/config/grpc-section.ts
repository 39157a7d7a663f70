import { c } from '@sigstead/platform';
import { filePath, listenAddress } from './values.ts';

/** PEM of a server's certificate chain, its own first, and of its key: the keys of `logs.grpc.tls`. */
export const grpcTls = { certFile: filePath, keyFile: filePath };

/** Where a log is also served over gRPC: the keys of `logs.grpc`. */
export const grpc = { listen: listenAddress, tls: c.optional(c.object(grpcTls)) };
