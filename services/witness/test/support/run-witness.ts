import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseVerifierKey, verifierOf, type NoteVerifier } from '@sigstead/formats';
import { localSigner, type Signer } from '@sigstead/keys';
import { createHttpServer, createLogger, createMetrics, type Logger, type Metrics } from '@sigstead/platform';
import { composeWitness, initWitness, type WitnessHandle, type WitnessOptions } from '@sigstead/witness';

export const NAME = 'witness.example/w1';
export const NOW_SEC = 1_800_000_000;

/** A clock set by hand, in seconds. */
export interface TestClock {
  nowSec: number;
  nowMs(): number;
}

export const testClock = (): TestClock => ({
  nowSec: NOW_SEC,
  nowMs() {
    return this.nowSec * 1000 + 7;
  },
});

export const testSigner = (): Signer => localSigner(generateKeyPairSync('ed25519').privateKey);

/** A logger whose lines can be looked into. */
export function recorded(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const stream = { write: (line: string) => lines.push(line) };
  return { logger: createLogger({ service: 'test', level: 'debug', stream }), lines };
}

export interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface Running {
  readonly port: number;
  readonly folder: string;
  readonly signer: Signer;
  readonly clock: TestClock;
  readonly metrics: Metrics;
  readonly lines: string[];
  readonly witness: WitnessHandle;
  /** Checks our cosignatures. */
  readonly verifier: NoteVerifier;
  add(body: Uint8Array): Promise<Answer>;
  get(path: string): Promise<Answer>;
  send(method: string, path: string, body?: Uint8Array): Promise<Answer>;
  /** Ends it and leaves its folder. */
  stop(): Promise<void>;
}

export async function temporaryFolder(t: { after(end: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sigstead-witness-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A witness on a port of its own, with a new state unless it is given one. */
export async function runWitness(
  t: { after(end: () => Promise<void>): void },
  options: Pick<WitnessOptions, 'logs'> & Partial<WitnessOptions> & { clock?: TestClock },
): Promise<Running> {
  const signer = options.signer ?? testSigner();
  const stateFolder = options.stateFolder ?? path.join(await temporaryFolder(t), 'state');
  const { clock = testClock(), name = NAME } = options;
  const { logger, lines } = recorded();
  const full = { metrics: createMetrics(), logger, ...options, name, signer, stateFolder, clock };
  await initWitness(full);
  const witness = await composeWitness(full);
  const impatience = { headersTimeoutMs: 1000, requestTimeoutMs: 1000, timeoutCheckMs: 50 };
  const server = createHttpServer({ logger, metrics: full.metrics, ...impatience });
  await server.app.register(witness.routes);
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= server.close({ deadlineMs: 500 }).then(() => witness.close());
    return stopped;
  };
  t.after(stop);
  const call = (method: string, at: string, body?: Uint8Array): Promise<Answer> =>
    send(port, { method, path: at, body });
  return {
    port,
    folder: stateFolder,
    signer,
    clock,
    metrics: full.metrics,
    lines,
    witness,
    stop,
    verifier: verifierOf(parseVerifierKey(witness.vkey)),
    add: (body) => call('POST', '/add-checkpoint', body),
    get: (at) => call('GET', at),
    send: call,
  };
}

function send(
  port: number,
  { method, path: at, body }: { method: string; path: string; body: Uint8Array | undefined },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path: at, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { headers, statusCode } = response;
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: statusCode ?? 0, type: headers['content-type'], headers, body: text });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}
