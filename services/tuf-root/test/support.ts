import { decodePem, type TrustModel } from '@sigstead/formats';
import { generatePrivateKeyPem, type LocalSigner, newCaChain, newTsaChain, signerFromPem } from '@sigstead/keys';
import {
  Closables,
  createHttpServer,
  createMetrics,
  type HttpServer,
  type Metrics,
  silentLogger,
} from '@sigstead/platform';
import type { RoleName } from '../src/core/metadata.ts';
import type { Publication, PublicationStore, Scheduler } from '../src/core/ports.ts';
import type { PublishedSet } from '../src/core/published.ts';
import { composeWithStore, type TufRootHandle, type TufRootOptions } from '../src/compose.ts';

/** Any JSON, for tests that look into it. */
export type Doc = ReturnType<typeof JSON.parse>;

export const DAY_MS = 86_400_000;
export const START_MS = Date.UTC(2026, 10, 1);

export function newSigner(): LocalSigner {
  return signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
}

export function newSigners(): Record<RoleName, LocalSigner> {
  return { root: newSigner(), targets: newSigner(), snapshot: newSigner(), timestamp: newSigner() };
}

/** A clock that stands until it is moved. */
export class ManualClock {
  #nowMs: number;
  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }
  nowMs(): number {
    return this.#nowMs;
  }
  set(nowMs: number): void {
    this.#nowMs = nowMs;
  }
}

/** Runs what is due when told, and tells when the next is due. */
export class ManualScheduler implements Scheduler {
  readonly #clock: ManualClock;
  #pending: { atMs: number; action: () => void } | undefined;
  constructor(clock: ManualClock) {
    this.#clock = clock;
  }
  after(delayMs: number, action: () => void): { cancel(): void } {
    const entry = { atMs: this.#clock.nowMs() + Math.max(delayMs, 1), action };
    this.#pending = entry;
    return {
      cancel: () => {
        if (this.#pending === entry) this.#pending = undefined;
      },
    };
  }
  get nextMs(): number | undefined {
    return this.#pending?.atMs;
  }
  fire(): void {
    const entry = this.#pending;
    this.#pending = undefined;
    entry?.action();
  }
}

export const never: Scheduler = { after: () => ({ cancel: () => undefined }) };

const der = (pem: string): Uint8Array => decodePem(pem)[0]!.bytes;

const chainNames = (notBeforeMs: number) => ({
  organization: 'Example',
  commonName: 'example',
  notBefore: new Date(notBeforeMs),
  rootYears: 10,
  intermediateYears: 9,
});

export async function newCa(notBeforeMs = START_MS): Promise<Uint8Array[]> {
  const chain = await newCaChain(chainNames(notBeforeMs));
  return [der(chain.intermediate.certificatePem), der(chain.root.certificatePem)];
}

export async function newTsa(notBeforeMs = START_MS): Promise<Uint8Array[]> {
  const chain = await newTsaChain({ ...chainNames(notBeforeMs), leafYears: 8 });
  return [chain.leaf, chain.intermediate, chain.root].map((issued) => der(issued.certificatePem));
}

/** One of everything, at one base URL, valid from START_MS. */
export async function newModel(base = 'http://localhost:8080'): Promise<TrustModel> {
  const validFor = { startMs: START_MS };
  return {
    operator: 'example.org',
    certificateAuthorities: [{ uri: base, chain: await newCa(), validFor }],
    tlogs: [{ kind: 'rekor-v2', baseUrl: base, spki: newSigner().spki, validFor }],
    ctlogs: [{ kind: 'ct', baseUrl: `${base}/ct/main`, spki: newSigner().spki, validFor }],
    timestampAuthorities: [{ uri: `${base}/api/v1/timestamp`, chain: await newTsa(), validFor }],
    signing: {
      ca: [{ url: base, majorApiVersion: 1, validFor }],
      oidc: [{ url: `${base}/oidc`, majorApiVersion: 1, validFor }],
      rekor: [{ url: base, majorApiVersion: 2, validFor }],
      tsa: [{ url: `${base}/api/v1/timestamp`, majorApiVersion: 1, validFor }],
    },
  };
}

/** A store in memory under the rules of the port: one version of a role once, one publication of a number once. */
export class MemoryStore implements PublicationStore {
  readonly files = new Map<string, Uint8Array>();
  readonly blobs = new Map<string, Uint8Array>();
  sets: PublishedSet[] = [];
  clock: { nowMs(): number };
  constructor(clock: { nowMs(): number }) {
    this.clock = clock;
  }
  load(): Promise<PublishedSet | undefined> {
    return Promise.resolve(this.sets.at(-1));
  }
  newestSequence(): Promise<number> {
    return Promise.resolve(this.sets.length);
  }
  publish(publication: Publication): Promise<'published' | 'lost'> {
    const taken = publication.files.some(({ role, version }) => this.files.has(`${version}.${role}`));
    if (taken || publication.sequence !== this.sets.length + 1) return Promise.resolve('lost');
    for (const { role, version, bytes } of publication.files) this.files.set(`${version}.${role}`, bytes);
    for (const { name, sha256, bytes } of publication.blobs)
      this.blobs.set(`${name} ${Buffer.from(sha256).toString('hex')}`, bytes);
    const { versions } = publication;
    const file = (role: RoleName, version = versions[role]) => ({
      version,
      bytes: this.files.get(`${version}.${role}`)!,
    });
    this.sets.push({
      sequence: publication.sequence,
      publishedAtMs: publication.publishedAtMs,
      model: publication.model,
      roots: Array.from({ length: versions.root }, (_, index) => file('root', index + 1)),
      targets: file('targets'),
      snapshot: file('snapshot'),
      timestamp: file('timestamp'),
      blobs: publication.blobs,
    });
    return Promise.resolve('published');
  }
  metadata(role: RoleName, version: number): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.files.get(`${version}.${role}`));
  }
  target(name: string, sha256: Uint8Array): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.blobs.get(`${name} ${Buffer.from(sha256).toString('hex')}`));
  }
  clockMs(): Promise<number> {
    return Promise.resolve(this.clock.nowMs());
  }
}

export interface Publisher {
  handle: TufRootHandle;
  clock: ManualClock;
  store: MemoryStore;
  metrics: Metrics;
}

/** A publisher over memory with a standing clock and no timer. */
export async function composeInMemory(
  options: Partial<TufRootOptions> & { store?: PublicationStore; clock?: ManualClock } = {},
): Promise<Publisher> {
  const clock = options.clock ?? new ManualClock(START_MS + DAY_MS);
  const store = options.store ?? new MemoryStore(clock);
  const metrics = options.metrics ?? createMetrics();
  const handle = await composeWithStore({
    logger: silentLogger,
    model: options.model ?? (await newModel()),
    signers: options.signers ?? newSigners(),
    internalUrls: 'allow',
    scheduler: never,
    closables: new Closables(),
    ...options,
    metrics,
    clock,
    store,
  });
  return { handle, clock, store: store as MemoryStore, metrics };
}

/** A real listener on a free port. */
export async function listen(handle: TufRootHandle): Promise<{ url: string; server: HttpServer }> {
  const server = createHttpServer({ logger: silentLogger, metrics: createMetrics() });
  await server.app.register(handle.routes);
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
  return { url: `http://127.0.0.1:${port}/tuf`, server };
}
