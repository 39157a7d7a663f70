import type { Clock, Logger, Metrics, Pool } from '@sigstead/platform';
import { IssuerLinks } from './core/ct/issuer-links.ts';
import type { CtPersonality } from './core/ct/personality.ts';
import { LogError } from './core/errors.ts';
import { type CtDesk, ctDesk } from './ct/desk.ts';
import type { OpenLog } from './open-log.ts';
import type { LogSpec } from './options.ts';
import { IssuerSource } from './read/issuer-source.ts';
import type { LoadGate } from './read/load-gate.ts';
import { rootMetrics } from './roots/metrics.ts';
import { RootFollower } from './roots/root-follower.ts';
import { sha256 } from './sha256.ts';
import { misconfigured } from './specs.ts';
import { acceptedRoots } from './store/accepted-roots.ts';
import { readIssuer } from './store/issuers.ts';

/** What is open of a CT log beside the log itself; `roots` is the caller's to close. Throws LogError `misconfigured`. */
export async function openCt(options: {
  spec: LogSpec;
  log: OpenLog;
  personality: CtPersonality;
  logId: number;
  pool: Pool;
  /** What readers get of the database. */
  reading: { pool: Pool; gate: LoadGate };
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
}): Promise<CtDesk> {
  const { spec, log, personality, logId, reading, clock, logger } = options;
  const roots = followerOf(options);
  await roots.start().catch(async (error: unknown) => {
    await roots.close();
    throw named(spec, error);
  });
  const ct = {
    log,
    personality,
    origin: spec.origin,
    roots,
    rules: spec.admission ?? {},
    leaves: { sha256, leafIndex: personality.leafIndex },
    issuers: new IssuerSource({
      read: (fingerprint) => readIssuer(reading.pool, logId, fingerprint),
      gate: reading.gate,
      sha256,
    }),
    signatures: new IssuerLinks(sha256),
    clock,
    readOnly: spec.readOnly ?? false,
  };
  return ctDesk(ct, logger);
}

function followerOf(options: Parameters<typeof openCt>[0]): RootFollower {
  const { spec, logId, pool, clock, logger, metrics } = options;
  try {
    return new RootFollower({
      fixed: spec.acceptedRoots ?? [],
      sources: spec.rootSources ?? [],
      rejected: new Set(spec.rejectedRoots),
      store: acceptedRoots({ pool, logId, nowMs: () => clock.nowMs() }),
      sha256,
      logger,
      metrics: rootMetrics(metrics, spec.name),
    });
  } catch (error) {
    throw named(spec, error);
  }
}

function named(spec: LogSpec, error: unknown): unknown {
  if (!(error instanceof LogError) || error.code !== 'misconfigured') return error;
  return misconfigured(`accepted roots of log "${spec.name}": ${error.message}`);
}
