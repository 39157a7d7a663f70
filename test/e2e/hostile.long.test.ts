import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import { corpus } from '../fuzz/corpus.ts';
import { sharedInstance } from '../instance/index.ts';
import { fire } from './fuzz/exchange.ts';
import { fault } from './fuzz/judge.ts';
import { mutate } from './fuzz/mutate-http.ts';
import { Random } from './fuzz/random.ts';
import { allSeeds, type Seed } from './fuzz/seeds.ts';
import { encode, type Wire } from './fuzz/wire.ts';
import { testFolder } from './support/folders.ts';
import { sendOk } from './support/http.ts';
import { HAS_PROC, residentMib } from './support/processes.ts';
import { RekorReader } from './support/rekor-reader.ts';
import { signArtifact } from './support/signing.ts';
import { SigstoreJs } from './support/sigstore-js.ts';

/** Every choice follows from it; keys and tokens are new in each run. Repeat with SIGSTEAD_FUZZ_SEED. */
const SEED = Number(process.env['SIGSTEAD_FUZZ_SEED'] ?? randomInt(2 ** 32));
const INPUTS = Number(process.env['SIGSTEAD_FUZZ_INPUTS'] ?? 10_000);
const IN_FLIGHT = 24;
const EMAIL = 'afterwards@example.com';
/** More than garbage from 24 connections may pile up, and far less than a leak of each body would. */
const MEMORY_GROWTH_MIB = 250;

const folder = await testFolder();
const instance = await sharedInstance();
const port = Number(new URL(instance.url).port);
const metricsPort = Number(new URL(instance.metricsUrl).port);
// The CT log then has two entries, the Rekor log three: what some of the seeds ask for.
const token = await instance.token({ email: EMAIL });
for (let i = 0; i < 2; i++) await signArtifact(instance.url, { token, email: EMAIL }, randomBytes(20));
const seeds = await allSeeds(instance.url);

test('the right requests to every endpoint, which the fuzz starts from, get their right answers', async () => {
  for (const seed of seeds) {
    const outcome = await fire(port, encode(seed.make(), seed.name));
    assert.equal(outcome.status, seed.status, `${seed.name}: ${outcome.text.slice(0, 600)}`);
  }
});

test('hostile inputs over all endpoints: no 500, 502, 503 or 504, no hang, nothing internal; slow senders are ended', async (t) => {
  const startMs = performance.now();
  const texts = [
    'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ',
    'POST /api/v1/timestamp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{',
  ];
  const slow = texts.map(dripUntilClosed);
  await fuzz(t);
  const answers = await Promise.all(slow);
  for (const answer of answers) assert.match(answer, /^(HTTP\/1\.1 408 |$)/);
  t.diagnostic(`the slow ones were ended within ${Math.round((performance.now() - startMs) / 1000)} s`);
});

async function fuzz(t: TestContext): Promise<void> {
  t.diagnostic(`seed ${SEED}, ${INPUTS} inputs (SIGSTEAD_FUZZ_SEED and SIGSTEAD_FUZZ_INPUTS repeat it)`);
  const random = new Random(SEED);
  const memory = HAS_PROC ? residentMib(instance.pid).now : 0;
  const others = seeds.map((seed) => seed.make()).filter(({ body }) => body.length > 0);
  const weighted = seeds.flatMap((seed) => Array.from({ length: weightOf(seed) }, () => seed));
  const faults: string[] = [];
  const statuses = new Map<string, number>();
  let left = INPUTS;
  const worker = async (): Promise<void> => {
    for (; left > 0 && faults.length < 20; ) {
      const number = INPUTS - left--;
      const seed = random.pick(weighted);
      const shot = mutate(seed.make(), others, random, seed.name);
      const outcome = await fire(number % 50 === 0 ? metricsPort : port, shot);
      const wrong = fault(shot, outcome, [instance.dataDir]);
      const status = String(outcome.status ?? 'none');
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (wrong !== undefined)
        faults.push(`#${number} ${shot.label}: ${wrong}\n${show(shot.bytes)}\n${outcome.text.slice(0, 400)}`);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  t.diagnostic(
    `answers: ${[...statuses]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([status, count]) => `${status}: ${count}`)
      .join(', ')}`,
  );
  assert.deepEqual(faults, [], `${faults.length} faults\n${faults.join('\n\n')}`);
  for (const status of ['200', '201', '400', '404', '405', '501']) {
    assert.ok((statuses.get(status) ?? 0) > 20, `the fuzz hardly ever reached an answer ${status}`);
  }
  if (!HAS_PROC) return;
  const { now, peak } = residentMib(instance.pid);
  t.diagnostic(
    `resident memory: ${Math.round(memory)} MiB before, ${Math.round(now)} after, ${Math.round(peak)} at most`,
  );
  assert.ok(peak - memory < MEMORY_GROWTH_MIB, `memory grew by ${peak - memory} MiB`);
}

/** What reads bodies is asked more often than what does not. */
function weightOf(seed: Seed): number {
  return seed.make().body.length > 0 ? 8 : 1;
}

function show(bytes: Buffer): string {
  return JSON.stringify(bytes.subarray(0, 1500).toString('latin1'));
}

/** Sends a text, then one byte a second; resolves with what came back when the server ends the connection. */
async function dripUntilClosed(text: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  let answer = '';
  let open = true;
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    open = false;
  });
  socket.write(text);
  for (let seconds = 0; open && seconds < 40; seconds++) {
    await wait(1000);
    if (open) socket.write('a');
  }
  socket.destroy();
  assert.ok(!open, 'a slow sender is served for 40 s');
  return answer;
}

/** So much is sent at most; the limits are 4 MiB and less. */
const ENOUGH_MIB = 128;

const LIMITED = [
  { path: '/api/v2/signingCert', answer: /^HTTP\/1\.1 400 [^]*request body too large/ },
  { path: '/api/v1/signingCert', answer: /^HTTP\/1\.1 400 [^]*request body too large/ },
  { path: '/api/v2/log/entries', answer: /^HTTP\/1\.1 400 [^]*request body too large/ },
  { path: '/api/v1/timestamp', answer: /^HTTP\/1\.1 4\d\d / },
  { path: '/ct/dev/ct/v1/add-chain', answer: /^HTTP\/1\.1 413 / },
  { path: '/ct/dev/ct/v1/add-pre-chain', answer: /^HTTP\/1\.1 413 / },
  { path: '/oidc/dev/token', answer: /^HTTP\/1\.1 4\d\d / },
  { path: '/oidc/token', answer: /^HTTP\/1\.1 4\d\d / },
  { path: '/oidc/auth/login', answer: /^HTTP\/1\.1 4\d\d / },
  { path: '/tuf/root.json', answer: /^HTTP\/1\.1 4\d\d / },
  { path: '/nothing/here', answer: /^HTTP\/1\.1 4\d\d / },
];

for (const { path, answer } of LIMITED) {
  test(`a body over the limit is refused while it arrives: ${path}`, async () => {
    for (const framing of ['Content-Length: 10737418240', 'Transfer-Encoding: chunked']) {
      const { text, sentMib } = await flood(path, framing);
      assert.match(text, answer, framing);
      // The server throws away what still comes until its answer has been read: bounded, and far from 10 GiB.
      assert.ok(sentMib < ENOUGH_MIB, `${framing}: ${sentMib} MiB were taken`);
    }
  });
}

/** Sends a body without end until the server answers or ends the connection. */
function flood(path: string, framing: string): Promise<{ text: string; sentMib: number }> {
  return new Promise((resolve, reject) => {
    const chunk = Buffer.alloc(65_536, 0x20);
    const bytes = framing.startsWith('Content')
      ? chunk
      : Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')]);
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    let text = '';
    let sent = 0;
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`${path} took ${sent} bytes in 15 s and answered: ${text.slice(0, 100)}`));
    }, 15_000);
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, sentMib: sent / 2 ** 20 });
    };
    // One chunk a turn, so that the answer is seen as soon as it is there.
    const pour = (): void => {
      if (socket.destroyed || text !== '') return;
      if (sent >= ENOUGH_MIB * 2 ** 20) return finish();
      sent += chunk.length;
      if (socket.write(bytes)) setImmediate(pour);
      else socket.once('drain', pour);
    };
    socket.on('data', (data: Buffer) => {
      text += data.toString('latin1');
    });
    socket.on('end', finish);
    socket.on('close', finish);
    socket.on('error', () => undefined);
    socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`);
    pour();
  });
}

/** Where an input of the corpus goes, and what it gets there. The CT log of the instance knows none of its roots. */
const CORPUS_ROUTES: Record<string, (bytes: Buffer) => { wire: Wire; accepted: number[] }> = {
  'create-entry-json': (body) => ({ wire: jsonTo('/api/v2/log/entries', body), accepted: [201] }),
  'ct-chain': (body) => ({ wire: jsonTo('/ct/dev/ct/v1/add-chain', body), accepted: [] }),
  'add-chain-request': (body) => ({ wire: jsonTo('/ct/dev/ct/v1/add-pre-chain', body), accepted: [] }),
  'tile-path': (path) => ({
    wire: { method: 'GET', target: `/${path.toString('latin1')}`, headers: [], body: Buffer.alloc(0) },
    accepted: [200],
  }),
};

function jsonTo(target: string, body: Buffer, headers: Wire['headers'] = [['Content-Type', 'application/json']]): Wire {
  return { method: 'POST', target, headers, body };
}

test('every input that broke another log is refused with a 4xx over HTTP, or taken where nothing is wrong with it', async () => {
  let sent = 0;
  for (const { name, parser, verdict, bytes } of corpus()) {
    const route = CORPUS_ROUTES[parser];
    if (route === undefined) continue;
    const { wire, accepted } = route(Buffer.from(bytes));
    const shot = encode(wire, name);
    const outcome = await fire(port, shot);
    const status = outcome.status ?? 0;
    assert.equal(fault(shot, outcome, [instance.dataDir]), undefined, name);
    if (verdict === 'accepted') assert.ok(accepted.includes(status), `${name}: ${status}`);
    else assert.ok(status >= 400 && status < 500, `${name}: ${status}`);
    sent += 1;
  }
  assert.ok(sent > 80, `only ${sent} of the corpus have a route`);
});

/** CVE-2025-32442, CVE-2026-25223, CVE-2026-25224, CVE-2026-33806: checks that a content type turned off. */
const ODD_TYPES = [
  undefined,
  '',
  'application/json ; charset=utf-8',
  'application/json\ta',
  'Application/JSON;',
  'application/json, text/plain',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
];
/** CVE-2026-3635: addresses and hosts that a client gives itself. */
const ODD_ORIGINS: Wire['headers'] = [
  ['X-Forwarded-For', '127.0.0.1, ::1'],
  ['X-Forwarded-Host', 'evil.example'],
  ['X-Forwarded-Proto', 'https'],
  ['Forwarded', 'for=127.0.0.1;host=evil.example;proto=https'],
];

for (const type of ODD_TYPES) {
  test(`CVE-2025-32442 and kin: an entry that is none is refused whatever it is said to be: ${JSON.stringify(type)}`, async () => {
    const types: Wire['headers'] = type === undefined ? [] : [['Content-Type', type]];
    for (const body of ['{"hashedRekordRequestV002":{"digest":1}}', '{"a":1}', '[]', 'x=1']) {
      const outcome = await fire(port, encode(jsonTo('/api/v2/log/entries', Buffer.from(body), types), String(type)));
      assert.equal(outcome.status, 400, `${body}: ${outcome.text.slice(0, 300)}`);
    }
  });
}

test('CVE-2026-3635: what a client says of itself changes no answer', async () => {
  const get = (headers: Wire['headers']): Wire => ({
    method: 'GET',
    target: '/checkpoint',
    headers,
    body: Buffer.alloc(0),
  });
  const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n'));
  const plain = await fire(port, encode(get([]), 'plain'));
  const spoofed = await fire(port, encode(get(ODD_ORIGINS), 'spoofed'));
  assert.equal(spoofed.status, 200);
  assert.equal(bodyOf(spoofed.text), bodyOf(plain.text));
  assert.doesNotMatch(spoofed.text, /evil\.example/);
});

test('no client can make new metric series: unknown paths and methods add none', async (t) => {
  const random = new Random(SEED);
  const methods = ['GET', 'POST', 'PROPFIND', 'REPORT', 'M-SEARCH', 'DELETE'];
  const spray = async (): Promise<void> => {
    for (let i = 0; i < 200; i++) {
      const name = random.bytes(8).toString('hex');
      const method = methods[i % methods.length] ?? 'GET';
      for (const target of [
        `/${name}`,
        `/tile/${name}`,
        `/tuf/${name}.json`,
        `/ct/${name}`,
        `/?${name}`,
        `/api/v1/timestamp/${name}`,
      ]) {
        await fire(
          port,
          encode(
            {
              method,
              target,
              headers: [
                ['User-Agent', name],
                ['Host', `${name}.example`],
              ],
              body: Buffer.alloc(0),
            },
            name,
          ),
        );
      }
    }
  };
  await spray();
  const before = await seriesNames();
  await spray();
  assert.deepEqual(await seriesNames(), before);
  t.diagnostic(`${before.length} series`);
});

/** Names and labels, without values. */
async function seriesNames(): Promise<string[]> {
  const { bytes } = await sendOk(instance.metricsUrl, 200);
  const lines = bytes.toString('utf8').split('\n');
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')))
    .sort();
}

test('after all of it the process lives, every part is ready, and a signature is made and verified', async () => {
  await sendOk(`${instance.url}/readyz`, 200);
  // What clients did wrong is no fault of ours, and must not fill the log as one.
  assert.doesNotMatch(instance.stderr(), /"level":"error"|uncaught|unhandled/i);
  const js = await SigstoreJs.of(instance, folder);
  const { bundle, artifact } = await signArtifact(instance.url, { token, email: EMAIL }, randomBytes(20));
  await js.verify(bundle, { email: EMAIL, issuer: `${instance.url}/oidc` }, artifact);
  const reader = new RekorReader(instance.url, await js.trust());
  await reader.fetch(await reader.head());
});
