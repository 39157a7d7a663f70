import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { ReadyReport } from '../src/dev/ready-file.ts';
import { checkCertificate } from '../src/self-test/certificate.ts';
import { type Json, sha256 } from '../src/self-test/check.ts';
import { checkCheckpoint, checkEntry, fetchCheckpoint } from '../src/self-test/entry.ts';
import { checkTimestamp, requestTimestamp } from '../src/self-test/timestamp.ts';
import { fetchTrust } from '../src/self-test/trust.ts';
import { exists, gone, isAlive, LAUNCHER, postmasterPid, run, type Running, stop, whenReady } from './running.ts';
import { assertVerifies, EMAIL, type Signed, signSomething, trustOf } from './signing.ts';
import { newWorkplace, type Workplace } from './workplace.ts';

let place: Workplace;
let base: Workplace['base'];
let env: Workplace['env'];
let started: Workplace['started'];
before(async () => {
  place = await newWorkplace();
  ({ base, env, started } = place);
});
after(() => place.close());

async function tufVersion({ tufUrl }: ReadyReport): Promise<number> {
  return ((await (await fetch(`${tufUrl}/timestamp.json`)).json()) as { signed: { version: number } }).signed.version;
}

/** Base64 with the lowest bit of one byte changed. */
function flipped(base64: unknown, at: number): string {
  const bytes = Buffer.from(String(base64), 'base64');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes.toString('base64');
}

function canConnect(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.setTimeout(2_000, () => socket.destroy());
    socket.unref();
  });
}

suite('one data folder through its life', { timeout: 120_000 }, () => {
  let data: string;
  let first: Running;
  let running: Running;
  let signed: Signed;
  let port: number;
  before(async () => {
    data = join(base, 'data');
    first = await started(['--port', '0', '--data', data]);
    port = Number(new URL(first.report.url).port);
  });

  test('a new instance is ready with everything, on loopback only', async () => {
    const { report } = first;
    assert.equal(report.url, `http://localhost:${port}`);
    for (const host of ['127.0.0.1', '[::1]'].filter((h) => report.addresses.some((a) => a.startsWith(h)))) {
      const ready = await fetch(`http://${host}:${port}/readyz`);
      assert.equal(ready.status, 200);
      const { parts } = (await ready.json()) as { parts: Record<string, unknown> };
      assert.deepEqual(Object.keys(parts).sort(), ['ca', 'dev-oidc', 'log', 'tsa', 'tuf-root']);
    }
    const outside = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4');
    for (const { address } of outside) assert.equal(await canConnect(address, port), false, address);
    assert.match(await (await fetch(report.metrics)).text(), /^# HELP /m);
    assert.equal((await fetch(`${report.url}/metrics`)).status, 404);
    assert.deepEqual(
      await readFile(report.tufRoot),
      Buffer.from(await (await fetch(`${report.tufUrl}/root.json`)).arrayBuffer()),
    );
    assert.match(first.output(), new RegExp(report.tufRootSha256));
  });

  test('entry 0 is the instance’s own: a first user’s entry has an index and a proof', async () => {
    assert.equal((await fetchCheckpoint(first.report.url, await trustOf(first.report))).size, 1);
    signed = await signSomething(first.report, env);
    assert.equal(signed.entry['logIndex'], '1');
    await assertVerifies(signed, first.report);
  });

  test('the self-test refuses what a client would refuse', async () => {
    const { report } = first;
    const trust = await trustOf(report);
    const { certificate, wish, entry } = signed;
    const proof = entry['inclusionProof'] as Record<string, unknown>;
    const { envelope } = proof['checkpoint'] as { envelope: string };
    const bad: [string, Json][] = [
      ['body', { ...entry, canonicalizedBody: flipped(entry['canonicalizedBody'], 300) }],
      ['root', { ...entry, inclusionProof: { ...proof, rootHash: flipped(proof['rootHash'], 0) } }],
      ['hash', { ...entry, inclusionProof: { ...proof, hashes: [flipped((proof['hashes'] as string[])[0], 0)] } }],
      ['no hash', { ...entry, inclusionProof: { ...proof, hashes: [] } }],
      ['index', { ...entry, inclusionProof: { ...proof, logIndex: '0' } }],
      ['size', { ...entry, inclusionProof: { ...proof, treeSize: '3' } }],
    ];
    for (const text of [
      envelope.replace('\n2\n', '\n3\n'),
      envelope.replace(/^localhost/, 'otherhost'),
      envelope.replace(/— .*\n$/, ''),
    ]) {
      assert.notEqual(text, envelope);
      bad.push([text, { ...entry, inclusionProof: { ...proof, checkpoint: { envelope: text } } }]);
    }
    for (const [name, changed] of bad) assert.throws(() => checkEntry(changed, wish, trust), name);
    assert.throws(() => checkEntry(entry, { ...wish, digest: sha256('other') }, trust));
    assert.throws(() => checkCertificate(certificate, trust, 'other@example.com'), /names somebody else/);
    assert.throws(
      () => checkCertificate(certificate, { ...trust, certificateAuthorities: [] }, EMAIL),
      /published chain/,
    );
    assert.throws(() => checkCertificate(certificate, { ...trust, ctlogs: [] }, EMAIL), /no published log/);
    assert.throws(() => checkCheckpoint(envelope, { ...trust, tlogs: [] }), /no published log/);
  });

  test('a timestamp is refused for other data, with its last bit flipped, and from an unknown authority', async () => {
    const trust = await trustOf(first.report);
    const response = await requestTimestamp(`${first.report.url}/api/v1/timestamp`, signed.wish.signature);
    checkTimestamp(response, signed.wish.signature, trust);
    const changed = Uint8Array.from(response);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    assert.throws(() => checkTimestamp(changed, signed.wish.signature, trust));
    assert.throws(() => checkTimestamp(response, sha256('other'), trust), /over something else/);
    const unknown = { ...trust, timestampAuthorities: [] };
    assert.throws(() => checkTimestamp(response, signed.wish.signature, unknown), /not signed by a published leaf/);
  });

  test('trust material is refused under another first root', async () => {
    const root = JSON.parse(await readFile(first.report.tufRoot, 'utf8')) as { signed: { version: number } };
    root.signed.version = 0;
    await assert.rejects(
      fetchTrust(first.report.tufUrl, Buffer.from(JSON.stringify(root))),
      /root is not signed by its keys/,
    );
  });

  test('the printed lines for sigstore-js work as they stand, from any folder', async () => {
    await writeFile(join(base, 'hello.txt'), 'hello\n');
    const lines = first.output().split('# sigstore-js\n')[1]?.split('\n\n')[0]?.split('\n') ?? [];
    assert.equal(lines.length, 2);
    const script = [
      `cd ${base}`,
      'set -e',
      ...lines,
      'echo changed > hello.txt',
      `! ${lines[1]?.trim()} 2>/dev/null`,
    ].join('\n');
    const ended = await run('/bin/sh', ['-c', script], env).ended;
    assert.equal(ended.code, 0, ended.output);
    assert.equal(ended.output, 'signed: hello.js.json\nverified: hello.txt was signed by you@example.com\n');
  });

  test('a second start on the folder, and another instance on the port, are refused in one line', async () => {
    const same = await run(LAUNCHER, ['dev', '--port', '0', '--data', data], env).ended;
    assert.equal(same.code, 1);
    assert.match(same.output, /^sigstead: the data folder .* is in use: stop the instance .*\n$/);
    const taken = await run(LAUNCHER, ['dev', '--port', String(port), '--data', join(base, 'other')], env).ended;
    assert.equal(taken.code, 1);
    assert.match(taken.output, /^sigstead: .* port \d+ is taken by another program: .*--port.*\n$/);
  });

  test('SIGTERM: what is under way is answered, exit 0, nothing stays behind', async () => {
    const postgres = await postmasterPid(data);
    const socket = connect({ host: '127.0.0.1', port });
    const body = JSON.stringify({ issuer: 'email', email: EMAIL });
    let answer = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      answer += part;
    });
    const head = `POST /oidc/dev/token HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    await new Promise<void>((resolve) => socket.write(head + body.slice(0, 5), () => resolve()));
    // The head has been read once the server says nothing is wrong with another request that came later.
    assert.equal((await fetch(`${first.report.url}/ping`)).status, 200);
    first.child.kill('SIGTERM');
    while (!first.output().includes('stopping')) await new Promise((resolve) => setImmediate(resolve));
    socket.write(body.slice(5));
    const ended = await first.ended;
    assert.equal(ended.code, 0, ended.output);
    assert.match(answer, /^HTTP\/1\.1 200 [^]*"token":"ey/);
    assert.equal(isAlive(postgres), false);
    assert.equal(await exists(join(base, 'ready.json')), false);
  });

  test('a start without --port uses the same port, publishes nothing new, and Ctrl-C that arrives twice ends it cleanly', async () => {
    const again = await started(['--data', data]);
    assert.equal(again.report.url, first.report.url);
    assert.equal(again.report.tufRootSha256, first.report.tufRootSha256);
    await assertVerifies(signed, again.report);
    assert.equal(await tufVersion(again.report), 1);
    again.child.kill('SIGINT');
    again.child.kill('SIGINT');
    assert.equal((await again.ended).code, 0);
  });

  test('another port publishes every URL anew with higher versions; old signatures still verify', async () => {
    const moved = await started(['--data', data, '--port', '0']);
    assert.notEqual(moved.report.url, first.report.url);
    assert.equal(moved.report.tufRootSha256, first.report.tufRootSha256);
    assert.ok((await tufVersion(moved.report)) > 1);
    const root = await fetch(`${moved.report.url}/api/v2/configuration`);
    assert.doesNotMatch(await root.text(), new RegExp(`:${port}/`));
    await assertVerifies(signed, moved.report);
    await assertVerifies(await signSomething(moved.report, env), moved.report);
    assert.equal((await stop(moved)).code, 0);
  });

  test('kill -9: PostgreSQL goes by itself, a start meanwhile copes, the log goes on', async () => {
    const doomed = await started(['--data', data]);
    const before = await signSomething(doomed.report, env);
    const { size } = await fetchCheckpoint(doomed.report.url, await trustOf(doomed.report));
    const postgres = await postmasterPid(data);
    doomed.child.kill('SIGKILL');
    await doomed.ended;
    const next = await started(['--data', data]);
    await gone(postgres);
    assert.equal(next.report.url, doomed.report.url);
    await assertVerifies(before, next.report);
    const trust = await trustOf(next.report);
    assert.ok((await fetchCheckpoint(next.report.url, trust)).size >= size);
    const envelope = await (await fetch(`${next.report.url}/checkpoint`)).text();
    assert.ok(checkCheckpoint(envelope, trust).size >= size);
    running = next;
  });

  test('PostgreSQL killed: it ends by itself with exit 1 and says so; the next start recovers', async () => {
    process.kill(await postmasterPid(data), 'SIGKILL');
    const ended = await running.ended;
    assert.equal(ended.code, 1);
    assert.match(ended.output, /^sigstead: PostgreSQL ended by itself: see .*postgres\.log$/m);
  });

  test('it stops when its parent dies', async () => {
    const ready = join(base, 'orphan.json');
    const line = '"$0" dev --data "$1" --ready-file "$2" & wait';
    const shell = run('/bin/sh', ['-c', line, LAUNCHER, data, ready], env);
    const { pid } = await whenReady(ready, shell);
    const postgres = await postmasterPid(data);
    shell.child.kill('SIGKILL');
    await gone(pid);
    assert.equal(isAlive(postgres), false);
  });

  test('the host in the log’s name cannot change', async () => {
    const ended = await run(LAUNCHER, ['dev', '--data', data, '--public-url', 'http://other.test'], env).ended;
    assert.equal(ended.code, 1);
    assert.match(ended.output, /^sigstead: the log in .* is named after its host localhost .*\n$/);
  });
});
