import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { decodePem } from '@sigstead/formats';
import { type Signer, signerFromPem } from '@sigstead/keys';
import { createHttpServer, createMetrics, type Metrics, silentLogger } from '@sigstead/platform';
import { composeTsa, TSA_CLEAN_PATHS, type TsaHandle, type TsaOptions } from '@sigstead/tsa';

export const VECTORS = new URL('../../../test/vectors/recorded/', import.meta.url);
/** Within the validity of the recorded chain. */
export const TEST_NOW_MS = Date.UTC(2027, 0, 1, 0, 0, 0, 500);

export function vectorKey(name: string): string {
  return readFileSync(new URL(`keys/${name}`, VECTORS), 'utf8');
}

export function pemChain(pem: string): Uint8Array[] {
  return decodePem(pem).map((block) => block.bytes);
}

export const recordedChain = (): Uint8Array[] => pemChain(vectorKey('tsa-chain.pem'));
export const recordedSigner = (): Signer => signerFromPem(vectorKey('tsa-leaf.pem'));

/** A clock set by hand. */
export function testClock(startMs = TEST_NOW_MS): { nowMs(): number; set(ms: number): void } {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    set(ms) {
      nowMs = ms;
    },
  };
}

export function testOptions(options: Partial<TsaOptions> = {}): TsaOptions {
  return {
    logger: silentLogger,
    metrics: createMetrics(),
    clock: testClock(),
    random: (count) => randomBytes(count),
    signer: recordedSigner(),
    chain: recordedChain(),
    ...options,
  };
}

export interface Running extends AsyncDisposable {
  port: number;
  tsa: TsaHandle;
  metrics: Metrics;
  send(request: Sent): Promise<Answer>;
}

/** An authority alone on its own port, as upstream's server runs. */
export async function runTsa(options: Partial<TsaOptions> = {}, cleanPaths = TSA_CLEAN_PATHS): Promise<Running> {
  const full = testOptions({ ping: true, docs: true, notFound: 'go-openapi', ...options });
  const tsa = await composeTsa(full);
  const server = createHttpServer({ logger: silentLogger, metrics: full.metrics, cleanPaths });
  await server.app.register(tsa.routes);
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    port,
    tsa,
    metrics: full.metrics,
    send: (request) => send(port, request),
    async [Symbol.asyncDispose]() {
      await server.close({ deadlineMs: 500 });
      await tsa.close();
    },
  };
}

export interface Sent {
  method?: string;
  path?: string;
  headers?: readonly (readonly [string, string])[];
  body?: Uint8Array;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** Sends the path as written, with these headers and no others but Host, Connection and Content-Length. */
export function send(port: number, sent: Sent): Promise<Answer> {
  const { method = 'POST', path = '/api/v1/timestamp', headers = [], body } = sent;
  const length = body ? [['Content-Length', String(body.length)]] : [];
  return new Promise((resolve, reject) => {
    const flat = [['Host', `localhost:${port}`], ...headers, ...length].flat();
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers: flat, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const entries = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(entries) as Record<string, string>,
          body: Buffer.concat(chunks),
        });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

export const DER_TYPE = ['Content-Type', 'application/timestamp-query'] as const;
export const JSON_TYPE = ['Content-Type', 'application/json'] as const;

export async function post(
  running: Running,
  body: Uint8Array,
  type = DER_TYPE as readonly [string, string],
): Promise<Answer> {
  return running.send({ headers: [type], body });
}

export function postJson(running: Running, value: unknown): Promise<Answer> {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return post(running, Buffer.from(text), JSON_TYPE);
}

/** `{"code":…,"message":…}` as `[code, message]`. */
export function refusal(answer: Answer): [number, string] {
  const { code, message } = JSON.parse(answer.body.toString('utf8')) as { code: number; message: string };
  return [code, message];
}

/** One DER element built by hand, in the test's own way. */
export function der(tag: number, ...parts: (Uint8Array | number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const size = content.length;
  const length =
    size < 0x80
      ? [size]
      : size < 0x100
        ? [0x81, size]
        : size < 0x10000
          ? [0x82, size >> 8, size & 0xff]
          : [0x83, size >> 16, (size >> 8) & 0xff, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

export const SHA256_OID = Buffer.from('0609608648016503040201', 'hex');
export const DIGEST = Buffer.from('5264131d31510d763bf6a68e593af96a6b60e233ca52352600d5ebaba41174dd', 'hex');

export function imprint(oid: Uint8Array = SHA256_OID, digest: Uint8Array = DIGEST): Buffer {
  return der(0x30, der(0x30, oid, [5, 0]), der(4, digest));
}

/** A request of version 1 with these fields after the imprint. */
export function derRequest(...fields: Uint8Array[]): Buffer {
  return der(0x30, [2, 1, 1], imprint(), ...fields);
}
