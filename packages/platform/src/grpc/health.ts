import { setTimeout as sleep } from 'node:timers/promises';
import type { WireSchema } from '@sigstead/formats';
import { serverStream, unary } from './method.ts';
import { GrpcCode, GrpcError } from './status.ts';
import type { GrpcFile, HealthCheck, Message } from './types.ts';

// SPEC: grpc/health/v1/health.proto and the gRPC health checking protocol.

const SERVING_STATUS = { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const;
type ServingStatus = (typeof SERVING_STATUS)[keyof typeof SERVING_STATUS];

const REQUEST = { service: { number: 1, kind: 'string' } } as const satisfies WireSchema;
const RESPONSE = { status: { number: 1, kind: 'enum', values: SERVING_STATUS } } as const satisfies WireSchema;
const LIST_REQUEST = {} as const satisfies WireSchema;
const LIST_ENTRY = {
  key: { number: 1, kind: 'string' },
  value: { number: 2, kind: 'message', message: RESPONSE },
} as const satisfies WireSchema;
const LIST_RESPONSE = {
  statuses: { number: 1, kind: 'message', repeated: true, message: LIST_ENTRY },
} as const satisfies WireSchema;

/** How old an answer of a check may be, and how often a watcher looks. */
const FRESH_MS = 1000;
/** Watchers hold a connection each: enough for every balancer there is, and no way to take all calls. */
const MAX_WATCHERS = 256;

/** What the server says about its services. The service with the empty name is the server itself: alive is enough. */
export class HealthBook {
  readonly #checks: ReadonlyMap<string, HealthCheck>;
  readonly #asked = new Map<string, { atMs: number; answer: Promise<boolean> }>();
  readonly #closing = new AbortController();

  constructor(checks: readonly HealthCheck[]) {
    this.#checks = new Map(checks.map((check) => [check.service, check]));
  }

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** From now on nothing serves; watchers are told and end. */
  close(): void {
    this.#closing.abort();
  }

  names(): string[] {
    return ['', ...this.#checks.keys()];
  }

  async status(service: string): Promise<ServingStatus> {
    const check = this.#checks.get(service);
    if (check === undefined && service !== '') return SERVING_STATUS.SERVICE_UNKNOWN;
    const isReady = check === undefined || (await this.#ask(check));
    return isReady && !this.#closing.signal.aborted ? SERVING_STATUS.SERVING : SERVING_STATUS.NOT_SERVING;
  }

  /** One question for all who ask within a second. */
  #ask(check: HealthCheck): Promise<boolean> {
    const nowMs = performance.now();
    let asked = this.#asked.get(check.service);
    if (asked === undefined || nowMs - asked.atMs >= FRESH_MS) {
      asked = { atMs: nowMs, answer: check.ready() };
      this.#asked.set(check.service, asked);
    }
    return asked.answer;
  }
}

/** grpc.health.v1.Health. */
export function healthFile(book: HealthBook): GrpcFile {
  return {
    name: 'grpc/health/v1/health.proto',
    package: 'grpc.health.v1',
    messages: {
      HealthCheckRequest: REQUEST,
      HealthCheckResponse: RESPONSE,
      HealthListRequest: LIST_REQUEST,
      HealthListResponse: LIST_RESPONSE,
      'HealthListResponse.StatusesEntry': LIST_ENTRY,
    },
    mapEntries: ['HealthListResponse.StatusesEntry'],
    enums: { 'HealthCheckResponse.ServingStatus': SERVING_STATUS },
    services: {
      Health: {
        Check: unary({ request: REQUEST, response: RESPONSE }, async ({ service = '' }) => {
          const status = await book.status(service);
          if (status !== SERVING_STATUS.SERVICE_UNKNOWN) return { status };
          throw new GrpcError(GrpcCode.NotFound, 'unknown service');
        }),
        List: unary({ request: LIST_REQUEST, response: LIST_RESPONSE }, async () => ({
          statuses: await Promise.all(
            book.names().map(async (key) => ({ key, value: { status: await book.status(key) } })),
          ),
        })),
        Watch: serverStream(
          { request: REQUEST, response: RESPONSE, maxCalls: MAX_WATCHERS },
          ({ service = '' }, { signal }) => changes(book, service, signal),
        ),
      },
    },
  };
}

/** The status now, and each time that it has changed. Ends when the server does. */
async function* changes(
  book: HealthBook,
  service: string,
  signal: AbortSignal,
): AsyncIterable<Message<typeof RESPONSE>> {
  const wakeUp = AbortSignal.any([signal, book.closing]);
  let told: ServingStatus | undefined;
  for (;;) {
    const isLast = book.closing.aborted;
    const status = await book.status(service);
    if (status !== told) yield { status };
    told = status;
    if (isLast) throw new GrpcError(GrpcCode.Unavailable, 'the server is closing');
    await sleep(FRESH_MS, undefined, { signal: wakeUp, ref: false }).catch(() => undefined);
    signal.throwIfAborted();
  }
}
