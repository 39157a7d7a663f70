export { type ClusterServer, listOf, TestCluster } from './cluster.ts';
export { testDatabase } from './database.ts';
export { frame, GrpcClient, type GrpcReply, replyOf } from './grpc-client.ts';
export { testCertificate } from './tls-certificate.ts';
export { freePort } from './ports.ts';
export type { TestDatabase } from './database.ts';
export { SHARED_POSTGRES, startTestPostgres } from './postgres.ts';
export type { TestPostgres } from './postgres.ts';
export { leaves, logKey, proofOf, rootOf, type TestKey, TestLog } from './test-log.ts';
