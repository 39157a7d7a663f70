import { Closables, type Logger, type Metrics, migrate, openPool, type Pool } from '@sigstead/platform';
import type { Signer } from '@sigstead/keys';
import type { FastifyInstance } from 'fastify';
import { type IssuersConfig, type ResolvedIssuer, resolveIssuers } from './config.ts';
import { Authority } from './core/authority.ts';
import { ctLog } from './core/issuance/ct.ts';
import { issuingCa } from './core/issuance/issuing-ca.ts';
import type { Clock, CtClient, IssuanceStore, RandomBytes } from './core/ports.ts';
import { caRoutes } from './http/routes.ts';
import { caMetrics } from './metrics.ts';
import { entryFor, IssuerDirectory } from './oidc/directory.ts';
import { createFetchJson } from './oidc/fetch-json.ts';
import type { FetchJson } from './oidc/ports.ts';
import { OidcTokenVerifier } from './oidc/verifier.ts';
import { PgIssuanceStore } from './store/issuance-store.ts';
import { MIGRATIONS, SCHEMA } from './store/migrations.ts';

export interface CaOptions {
  /** Connection string of the database, or a pool that the caller owns and closes. */
  readonly connection: string | Pool;
  /** Refuses a server whose settings may lose what was recorded, on every connection of its own. Default false. */
  readonly requireDurableDatabase?: boolean;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Key of the first certificate of `chain`. */
  readonly signer: Signer;
  /** DER, issuing CA first, root last. */
  readonly chain: readonly Uint8Array[];
  readonly issuers: IssuersConfig;
  /** Undefined switches Certificate Transparency off: certificates then carry no SCT. */
  readonly ct: { client: CtClient; publicKeySpki: Uint8Array; deadlineMs?: number } | undefined;
  /** How discovery documents and key sets are fetched. Default: over the network. */
  readonly fetchJson?: FetchJson;
  /**
   * Issuers that run in this process: given the URL of a discovery document or key set, gives its bytes. Nothing of
   * them goes over the network, so their public URL need not be reachable from here.
   */
  readonly inProcessIssuers?: Readonly<Record<string, (url: string) => Promise<Uint8Array> | Uint8Array>>;
  /** Answer `/healthz` too. Default false. */
  readonly healthz?: boolean;
  readonly version?: string;
  /** Replaces the database record: for tests of failing ones. */
  readonly store?: IssuanceStore;
}

export interface CaHandle {
  readonly routes: (app: FastifyInstance) => Promise<void>;
  /** Whether the database answers and the issuing CA has not expired. */
  ready(): Promise<{ ok: boolean; detail?: string }>;
  close(): Promise<void>;
}

/** Wires the authority; opens no listener. Rejects when configuration, chain, key or database cannot serve. */
export async function composeCa(options: CaOptions): Promise<CaHandle> {
  const { clock, logger, random } = options;
  const issuers = resolveIssuers(options.issuers);
  const ca = issuingCa(options.signer, options.chain, clock.nowMs());
  const ct = options.ct === undefined ? undefined : ctLog(options.ct);
  if (ct === undefined) logger.warn({}, 'Certificate Transparency is off: certificates will carry no SCT');
  warnOfIssuers(issuers, logger);
  const metrics = caMetrics(options.metrics, options.version ?? 'unknown');
  const owned = new Closables();
  const { pool, health } = poolsOf(options, owned);
  try {
    await migrate({ pool, schema: SCHEMA, migrations: MIGRATIONS });
  } catch (error) {
    await owned.close();
    throw error;
  }
  const directory = new IssuerDirectory(issuers, {
    fetchJson: fetchPort(options, issuers),
    clock,
    onFetch: ({ issuer, error }) => {
      metrics.issuerFetches.inc({ outcome: error === undefined ? 'ok' : 'failed' });
      if (error !== undefined) logger.warn({ issuer, error }, 'keys of an issuer cannot be fetched');
    },
  });
  const store = options.store ?? new PgIssuanceStore(pool);
  const authority = new Authority(new OidcTokenVerifier({ directory, clock }), { ca, store, ct, clock, random });
  return {
    routes: caRoutes({ authority, ca, issuers, metrics, logger, healthz: options.healthz ?? false }),
    ready: async () => {
      if (clock.nowMs() >= ca.notAfterMs) return { ok: false, detail: 'the issuing CA certificate has expired' };
      try {
        await health.query('SELECT 1');
        return { ok: true };
      } catch (error) {
        // Where the database is, is nobody's business who may ask for readiness.
        logger.warn({ error }, 'the database does not answer');
        return { ok: false, detail: 'the database does not answer' };
      }
    },
    close: () => owned.close(),
  };
}

/** Health has a connection of its own: it must not wait behind what is recorded. */
function poolsOf(options: CaOptions, owned: Closables): { pool: Pool; health: Pool } {
  const { connection: connectionString, logger, requireDurableDatabase: durable = false } = options;
  if (typeof connectionString !== 'string') return { pool: connectionString, health: connectionString };
  const settings = { idle_in_transaction_session_timeout: '5s' };
  const common = { connectionString, logger, durable, settings, statementTimeoutMs: 5000 };
  const pool = openPool({ ...common, max: 4, applicationName: 'sigstead-ca' });
  owned.defer(() => pool.end());
  const health = openPool({ ...common, max: 1, maxWaiting: 16, applicationName: 'sigstead-ca-health' });
  owned.defer(() => health.end());
  return { pool, health };
}

/** What the operator may have overlooked; none of it is an error. */
function warnOfIssuers(issuers: readonly ResolvedIssuer[], logger: Logger): void {
  for (const { url, audience, skipEmailVerification } of issuers) {
    const isPlain = url.startsWith('http://') && !/^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])[:/]/.test(`${url}/`);
    if (isPlain) logger.warn({ issuer: url }, 'issuer without TLS: whoever is on the way can replace its keys');
    if (audience === '') logger.warn({ issuer: url }, 'issuer without client-id: every token of it is refused');
    if (skipEmailVerification)
      logger.warn({ issuer: url }, 'unverified email addresses of this issuer become identities');
  }
}

/** Issuers in this process first; then the caller's port or the network, with the hosts the operator wrote down. */
function fetchPort(options: CaOptions, issuers: readonly ResolvedIssuer[]): FetchJson {
  const named = new Set(issuers.flatMap((issuer) => [...hostOf(issuer), ...issuer.jwksHosts]));
  const network =
    options.fetchJson ??
    createFetchJson({
      isTrustedHost: (host) => named.has(host),
      caCertificates: (issuer) => entryFor(issuers, issuer)?.caCertificate,
    });
  return async (request) => {
    const local = options.inProcessIssuers?.[request.issuer];
    return local === undefined ? network(request) : local(request.url);
  };
}

/** The host of an issuer or pattern, unless a wildcard is in it: then nobody named it. */
function hostOf({ url }: ResolvedIssuer): string[] {
  const authority = /^https?:\/\/([^/?#]*)/.exec(url)?.[1] ?? '';
  if (authority === '' || authority.includes('*')) return [];
  return [new URL(url.replaceAll('*', 'x')).host];
}
