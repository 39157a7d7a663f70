import { parseTilePath } from '@sigstead/merkle';
import {
  type Clock,
  type GrpcCall,
  GrpcCode,
  GrpcError,
  type GrpcFile,
  type GrpcMethod,
  type Metrics,
  unary,
} from '@sigstead/platform';
import { PUSHBACK_TEXT } from '../core/errors.ts';
import { logEntryMessage, TRANSPARENCY_LOG_ENTRY } from '../core/rekor-v2/log-entry-message.ts';
import { CREATE_ENTRY } from '../core/rekor-v2/messages.ts';
import type { OpenLog } from '../open-log.ts';
import type { CreateEntryAnswer, EntryDesk } from '../rekor-v2/create-entry.ts';
import { grpcErrorOf, logErrorOf } from './errors.ts';
import { IMPORTED_FILES, SERVICE_DEPENDENCIES } from './files.ts';
import { EMPTY, ENTRY_BUNDLE_REQUEST, HTTP_BODY, TILE_REQUEST } from './messages.ts';

export const REKOR_SERVICE = 'dev.sigstore.rekor.v2.Rekor';

/** Reads of a log under way; they wait for tiles, never for entries. */
const MAX_READS = 256;

/** 256 bytes to 4 MiB. */
const SIZE_BUCKETS = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];

export interface RekorV2GrpcOptions {
  readonly log: OpenLog;
  readonly desk: EntryDesk;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/**
 * dev.sigstore.rekor.v2.Rekor over one log: the same entries, answers and reads as over HTTP.
 * SPEC: rekor-tiles, rekor_service.proto; upstream's server has no reads and sends clients to the files.
 */
export function rekorV2Files(options: RekorV2GrpcOptions): GrpcFile[] {
  const service: GrpcFile = {
    name: 'rekor/v2/rekor_service.proto',
    package: 'dev.sigstore.rekor.v2',
    dependencies: SERVICE_DEPENDENCIES,
    messages: { TileRequest: TILE_REQUEST, EntryBundleRequest: ENTRY_BUNDLE_REQUEST },
    services: { Rekor: { CreateEntry: createEntry(options), ...reads(options) } },
  };
  return [...IMPORTED_FILES.map((file) => ({ ...file, services: {} })), service];
}

function createEntry({ desk, metrics }: RekorV2GrpcOptions): GrpcMethod {
  const observeSize = requestSizes(metrics);
  const admit = (): GrpcError | undefined => {
    if (desk.isOpen()) return undefined;
    desk.refused(1);
    return new GrpcError(GrpcCode.Unavailable, PUSHBACK_TEXT);
  };
  return unary({ request: CREATE_ENTRY, response: TRANSPARENCY_LOG_ENTRY, admit }, async (request, call) => {
    observeSize('CreateEntry', call.requestBytes);
    const answer = await asGrpc(() => desk.createEntry(request, logSignal(call)));
    return logEntryMessage(entryOf(answer, call));
  });
}

function entryOf(answer: CreateEntryAnswer, call: GrpcCall) {
  if (answer.kind === 'logged') return answer.entry;
  call.setHeader('x-log-index', String(answer.index));
  throw new GrpcError(GrpcCode.AlreadyExists, answer.message);
}

function reads({ log, clock }: RekorV2GrpcOptions): Readonly<Record<string, GrpcMethod>> {
  const limits = { maxCalls: MAX_READS };
  return {
    GetTile: unary({ request: TILE_REQUEST, response: HTTP_BODY, ...limits }, ({ L = 0, N = '' }) =>
      resource(log, `tile/${L}/${N}`),
    ),
    GetEntryBundle: unary({ request: ENTRY_BUNDLE_REQUEST, response: HTTP_BODY, ...limits }, ({ N = '' }) =>
      resource(log, `tile/entries/${N}`),
    ),
    GetCheckpoint: unary({ request: EMPTY, response: HTTP_BODY, ...limits }, async () => {
      const { head } = await asGrpc(() => log.publication.newest(clock.nowMs()));
      return { contentType: 'text/plain; charset=utf-8', data: head.note };
    }),
  };
}

/** What the read path has under a name. SPEC: C2SP tlog-tiles */
async function resource(log: OpenLog, path: string): Promise<{ contentType: string; data: Uint8Array }> {
  const parsed = parseTilePath(path);
  const bytes = parsed === undefined ? undefined : await asGrpc(() => log.reader.resource(parsed));
  if (bytes === undefined) throw new GrpcError(GrpcCode.NotFound, 'Not Found');
  return { contentType: 'application/octet-stream', data: bytes };
}

async function asGrpc<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw grpcErrorOf(error);
  }
}

/** The call's signal, with a reason of the log's own. */
function logSignal({ signal }: GrpcCall): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(logErrorOf(signal.reason));
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return controller.signal;
}

function requestSizes(metrics: Metrics): (method: string, bytes: number) => void {
  const sizes = metrics.histogram<'grpc_service' | 'grpc_method' | 'grpc_packet_part'>({
    name: 'rekor_v2_grpc_api_request_size',
    help: 'Bytes of the messages sent to the Rekor v2 API over gRPC',
    labelNames: ['grpc_service', 'grpc_method', 'grpc_packet_part'],
    buckets: SIZE_BUCKETS,
  });
  return (method, bytes) =>
    sizes.observe({ grpc_service: REKOR_SERVICE, grpc_method: method, grpc_packet_part: 'payload' }, bytes);
}
