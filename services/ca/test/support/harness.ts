import { randomBytes } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { type CaHandle, type CaOptions, composeCa } from '@sigstead/ca';
import { decodePem } from '@sigstead/formats';
import { signerFromPem } from '@sigstead/keys';
import { Closables, createHttpServer, createMetrics, type Metrics, silentLogger } from '@sigstead/platform';
import { testDatabase } from '@sigstead/test';
import { type CtDouble, ctDouble } from './ct-double.ts';
import { type FakeIssuers, fakeIssuers } from './fake-issuers.ts';
import { chainDer, keyPem, recordedIssuers } from './recorded.ts';
import { NOW_MS } from './tokens.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface Send {
  readonly method?: string;
  readonly path: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string | Uint8Array | undefined;
}

/** An authority with all that is around it, reached through a real listener. */
export interface Harness {
  readonly ca: CaHandle;
  readonly ct: CtDouble;
  readonly issuers: FakeIssuers;
  readonly metrics: Metrics;
  readonly connectionString: string;
  readonly clock: { nowMs: () => number; value: number };
  send(request: Send): Promise<Answer>;
  close(): Promise<void>;
}

/** Shared by several harnesses of one test file, so that each does not start its own. */
export interface Surroundings {
  readonly connectionString?: string;
  readonly issuers?: FakeIssuers;
}

export async function startHarness(overrides: Partial<CaOptions> = {}, shared: Surroundings = {}): Promise<Harness> {
  const owned = new Closables();
  const clock = { value: NOW_MS, nowMs: () => clock.value };
  const connectionString = shared.connectionString ?? (await ownDatabase(owned));
  const issuers = shared.issuers ?? owned.use(await fakeIssuers());
  const ct = ctDouble({ nowMs: clock.nowMs });
  const metrics = createMetrics();
  const ca = owned.use(
    await composeCa({
      connection: connectionString,
      logger: silentLogger,
      metrics,
      clock,
      random: (count) => randomBytes(count),
      signer: signerFromPem(keyPem('ca-int')),
      chain: chainDer('ca-chain'),
      issuers: recordedIssuers(),
      ct: { client: ct, publicKeySpki: ct.publicKeySpki },
      fetchJson: issuers.fetchJson,
      healthz: true,
      ...overrides,
    }),
  );
  const server = owned.use(createHttpServer({ logger: silentLogger, metrics }));
  server.app.register(ca.routes);
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  owned.defer(() => agent.destroy());
  return { ca, ct, issuers, metrics, connectionString, clock, send: sender(port, agent), close: () => owned.close() };
}

async function ownDatabase(owned: Closables): Promise<string> {
  const database = await testDatabase();
  owned.defer(() => database.drop());
  return database.connectionString;
}

function sender(port: number, agent: Agent): (request: Send) => Promise<Answer> {
  return ({ method = 'POST', path, headers = [], body }) =>
    new Promise((resolve, reject) => {
      const bytes = body === undefined ? undefined : Buffer.from(body as Uint8Array);
      const flat = headers.flatMap(([name, value]) => [name, value]);
      flat.push('Host', `127.0.0.1:${port}`);
      if (bytes !== undefined) flat.push('Content-Length', String(bytes.length));
      const sent = httpRequest({ host: '127.0.0.1', port, method, path, headers: flat, agent }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) });
        });
      });
      sent.on('error', reject);
      sent.end(bytes);
    });
}

/** The certificates of a v2 or v1 answer, DER, leaf first; empty when it holds none. */
export function chainIn(answer: Answer): Uint8Array[] {
  const text = answer.body.toString('utf8');
  if (!text.startsWith('{')) return decodePem(text).map(({ bytes }) => bytes);
  const body = JSON.parse(text) as Record<string, { chain?: { certificates?: string[] } } | undefined>;
  const holder = body['signedCertificateEmbeddedSct'] ?? body['signedCertificateDetachedSct'];
  return (holder?.chain?.certificates ?? []).flatMap((pem) => decodePem(pem).map(({ bytes }) => bytes));
}
