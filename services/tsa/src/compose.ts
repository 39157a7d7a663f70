import { encodePem } from '@sigstead/formats';
import type { Signer } from '@sigstead/keys';
import type { Clock, Logger, Metrics, Routes } from '@sigstead/platform';
import { checkChain, type TsaChain } from './core/chain.ts';
import { GenTimeSource } from './core/gen-time.ts';
import { type Health, watchHealth } from './core/health.ts';
import { createIssuer, type Issue } from './core/issuer.ts';
import { type PolicyOptions, requestPolicy } from './core/policies.ts';
import type { RandomBytes, TimeFloor } from './core/ports.ts';
import type { RequestPolicy } from './core/request.ts';
import { createSelfCheck } from './core/self-check.ts';
import { signatureScheme } from './core/signature-schemes.ts';
import { createRoutes } from './http/routes.ts';
import { createTsaMetrics, type TsaMetrics } from './metrics.ts';
import { memoryTimeFloor } from './store/memory-time-floor.ts';

/** Everything the authority needs; nothing is taken from elsewhere. There is no default key. */
export interface TsaOptions extends PolicyOptions {
  logger: Logger;
  metrics: Metrics;
  /** The machine's clock as it is: stepping back is noticed here, so do not hide it behind a monotonic one. */
  clock: Clock;
  random: RandomBytes;
  signer: Signer;
  /** DER, leaf first, root last; at least two. */
  chain: readonly Uint8Array[];
  /** Where the time of the last token is kept over restarts. Without it a restart forgets, and a warning says so. */
  timeFloor?: TimeFloor;
  /** Whole chain, not only the leaf, in tokens whose request asks for certificates. Default false. */
  includeChain?: boolean;
  /** Every intermediate must carry the timeStamping purpose. Default true. */
  enforceIntermediateEku?: boolean;
  /** 201 in place of 200 for a token. Default false. */
  useHttp201?: boolean;
  /** Milliseconds a signature may take before the request ends with 503. Default 5 000. */
  signTimeoutMs?: number;
  /** Seconds the clock may be behind the last token before nothing is issued. Default 1. */
  maxClockBehindSec?: number;
  /** Serve `/ping`. Default false: on a shared origin it is not ours. */
  ping?: boolean;
  /** Serve `/docs` and `/swagger.json`. Default false. */
  docs?: boolean;
  /** Answer unknown paths as upstream does; only when alone on the port. */
  notFound?: 'go-openapi';
}

export interface TsaHandle {
  /** Give TSA_CLEAN_PATHS to the HTTP server as `cleanPaths`. */
  readonly routes: Routes;
  readonly chain: TsaChain;
  ready(): Promise<{ ok: boolean; detail?: string }>;
  close(): Promise<void>;
}

/** Builds the authority; it opens no listener. Throws TsaSetupError when its tokens would be refused by clients. */
export async function composeTsa(options: TsaOptions): Promise<TsaHandle> {
  const policy = requestPolicy(options);
  const scheme = signatureScheme(options.signer.algorithm);
  const chain = checkChain({
    chain: options.chain,
    signerSpki: options.signer.spki,
    nowMs: options.clock.nowMs(),
    enforceIntermediateEku: options.enforceIntermediateEku ?? true,
  });
  const metrics = createTsaMetrics(options.metrics);
  const genTime = createGenTime(options);
  const issuer = createIssuer({
    chain,
    scheme,
    signer: options.signer,
    genTime,
    random: options.random,
    selfCheck: createSelfCheck(chain, scheme),
    includeChain: options.includeChain ?? false,
    signTimeoutMs: options.signTimeoutMs ?? 5000,
  });
  const health = watchHealth(issuer, policy.defaultPolicy);
  const ready = createReady({ chain, genTime, health, metrics, clock: options.clock });
  await ready();
  const routes = composeRoutes(options, { issue: health.issue, policy, chain, metrics });
  return { routes, chain, ready, close: () => Promise.resolve() };
}

function createGenTime(options: TsaOptions): GenTimeSource {
  const { clock, timeFloor, maxClockBehindSec } = options;
  return new GenTimeSource({
    clock,
    floor: timeFloor ?? forgetfulFloor(options.logger),
    ...(maxClockBehindSec === undefined ? {} : { maxBehindSec: maxClockBehindSec }),
  });
}

function composeRoutes(
  options: TsaOptions,
  parts: { issue: Issue; policy: RequestPolicy; chain: TsaChain; metrics: TsaMetrics },
): Routes {
  const { issue, policy, chain, metrics } = parts;
  return createRoutes({
    issue,
    policy,
    chainPem: chain.certificates.map((certificate) => encodePem('CERTIFICATE', certificate.der)).join(''),
    logger: options.logger,
    metrics,
    useHttp201: options.useHttp201 ?? false,
    ping: options.ping ?? false,
    docs: options.docs ?? false,
    notFound: options.notFound,
  });
}

/** Readiness, and the state that is shown as metrics whenever it is asked for. */
function createReady(parts: {
  chain: TsaChain;
  genTime: GenTimeSource;
  health: Health;
  metrics: TsaMetrics;
  clock: Clock;
}): TsaHandle['ready'] {
  const { chain, genTime, health, metrics, clock } = parts;
  return async () => {
    const trouble = await health.trouble();
    const nowMs = clock.nowMs();
    const clockBehindSec = genTime.behindSec();
    metrics.state({ remainingMs: chain.notAfterMs - nowMs, clockBehindSec });
    if (trouble) return { ok: false, detail: trouble.message };
    if (clockBehindSec > 0) return { ok: false, detail: `the clock is ${clockBehindSec} s behind the last timestamp` };
    if (nowMs < chain.notBeforeMs || nowMs > chain.notAfterMs)
      return { ok: false, detail: 'a certificate of the chain is not valid now' };
    return { ok: true };
  };
}

function forgetfulFloor(logger: Logger): TimeFloor {
  logger.warn({}, 'no file for the time of the last token: after a restart a clock set back will not be noticed');
  return memoryTimeFloor();
}
