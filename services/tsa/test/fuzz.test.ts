import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Agent, request as httpRequest } from 'node:http';
import { Refusal } from '../src/core/refusal.ts';
import { parseDerRequest } from '../src/core/request-der.ts';
import { parseJsonRequest } from '../src/core/request-json.ts';
import { der, derRequest, DIGEST, runTsa } from './support.ts';

/** A small generator of its own, so that a seed printed on failure brings the same inputs back. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const EXTENSION = der(0xa0, der(0x30, [6, 2, 0x2a, 3], [1, 1, 0xff], der(4, [5, 0])));
const DER_SEEDS = [
  derRequest(),
  derRequest(der(6, Buffer.from('2b0601040183bf3002', 'hex')), der(2, [7]), Buffer.from('0101ff', 'hex')),
  derRequest(der(2, Buffer.alloc(200, 0x5a)), EXTENSION),
];
const HASH = DIGEST.toString('base64');
const JSON_SEEDS = [
  `{"artifactHash":"${HASH}","hashAlgorithm":"sha256"}`,
  `{"artifactHash":"${HASH}","hashAlgorithm":"sha256","nonce":12345678901234567890,"certificates":true,"tsaPolicyOID":"1.3.6.1.4.1.57264.2"}`,
  `{"x":[[[{"y":null}]],1e5,-0.5,"\\ud83d\\ude00"],"ARTIFACTHASH":"${HASH}","hashAlgorithm":"SHA256"}`,
].map((text) => Buffer.from(text));
const TEXT = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\\',
  '\\u',
  'null',
  'true',
  '1e999',
  '-',
  '"nonce":',
  '\u0000',
  '\ufeff',
];

/** Flips, cuts, inserts, repeats: a few changes to a good request. */
function mutate(seed: Buffer, next: (below: number) => number): Buffer {
  let bytes = Buffer.from(seed);
  for (let changes = 1 + next(4); changes > 0 && bytes.length > 0; changes--) {
    const at = next(bytes.length);
    switch (next(6)) {
      case 0:
        bytes[at] = next(256);
        break;
      case 1:
        bytes = bytes.subarray(0, at);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(1 + next(8), next(256)), bytes.subarray(at)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + next(4))]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes]);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(TEXT[next(TEXT.length)] ?? ''), bytes.subarray(at)]);
    }
  }
  return bytes;
}

const seed = Number(process.env['TSA_FUZZ_SEED'] ?? randomBytes(4).readUInt32BE());

test(`fuzz: 20 000 mutated requests give a parsed request or a Refusal, nothing else (seed ${seed})`, () => {
  const next = generator(seed);
  const outcomes = { parsed: 0, refused: 0 };
  for (let i = 0; i < 20_000; i++) {
    const asJson = next(2) === 0;
    const seeds = asJson ? JSON_SEEDS : DER_SEEDS;
    const input = mutate(seeds[next(seeds.length)] ?? Buffer.alloc(0), next);
    try {
      const parsed = asJson ? parseJsonRequest(input) : parseDerRequest(input);
      assert.ok(parsed.digest.length <= input.length);
      outcomes.parsed += 1;
    } catch (error) {
      if (!(error instanceof Refusal)) throw new Error(`input ${input.toString('hex')}`, { cause: error });
      outcomes.refused += 1;
    }
  }
  assert.ok(outcomes.parsed > 500 && outcomes.refused > 5000, JSON.stringify(outcomes));
});

const TYPES = [
  'application/timestamp-query',
  'application/json',
  'application/json; charset=utf-8',
  '*/*',
  'x',
  'text/plain',
  ';',
  'a/b;c="',
];
const ACCEPTS = ['*/*', 'application/timestamp-reply', 'application/json', 'text/html', '', 'a/b;q=0,', '*;q=9'];
const METHODS = ['POST', 'POST', 'POST', 'POST', 'GET', 'PUT', 'HEAD', 'OPTIONS', 'DELETE'];
const PATHS = [
  '/api/v1/timestamp',
  '/api/v1/timestamp',
  '/api/v1/timestamp/',
  '/api/v1/timestamp/certchain',
  '/ping',
  '/docs',
  '/%zz',
  '//',
  '/x?y',
];

test(`fuzz: 10 000 requests over HTTP give no server error and leave the server well (seed ${seed})`, async (t) => {
  await using tsa = await runTsa();
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  t.after(() => agent.destroy());
  const next = generator(seed ^ 0x5bd1e995);
  const pick = <T>(from: readonly T[]): T => from[next(from.length)] as T;

  const ask = (): Promise<number> => {
    const asJson = next(2) === 0;
    const body = mutate(pick(asJson ? JSON_SEEDS : DER_SEEDS), next);
    const type = next(3) === 0 ? pick(TYPES) : asJson ? 'application/json' : 'application/timestamp-query';
    const headers = ['Host', 'localhost', 'Content-Type', type, ...(next(4) === 0 ? ['Accept', pick(ACCEPTS)] : [])];
    const options = { host: '127.0.0.1', port: tsa.port, agent, method: pick(METHODS), path: pick(PATHS) };
    const described = `${options.method} ${options.path} ${type} ${body.toString('hex')}`;
    return new Promise((resolve, reject) => {
      const length = ['Content-Length', String(body.length)];
      const sent = httpRequest({ ...options, headers: [...headers, ...length] }, (answer) => {
        answer.resume();
        answer.on('end', () => {
          const status = answer.statusCode ?? 0;
          if (status >= 200 && status < 500) resolve(status);
          else reject(new Error(`status ${status} for ${described}`));
        });
      });
      sent.on('error', (cause) => reject(new Error(described, { cause })));
      sent.end(body);
    });
  };

  const statuses = new Map<number, number>();
  for (let round = 0; round < 625; round++) {
    const answers = await Promise.all(Array.from({ length: 16 }, ask));
    for (const status of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  t.diagnostic(`statuses ${JSON.stringify(Object.fromEntries([...statuses].sort(([a], [b]) => a - b)))}`);
  assert.ok((statuses.get(200) ?? 0) > 100 && (statuses.get(400) ?? 0) > 1000);
  assert.deepEqual(await tsa.tsa.ready(), { ok: true });
});
