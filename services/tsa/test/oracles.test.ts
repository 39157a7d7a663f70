import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { RFC3161Timestamp } from '@sigstore/core';
import { encodePem } from '@sigstead/formats';
import { makeChain } from './make-chain.ts';
import { post, postJson, recordedChain, type Running, runTsa, TEST_NOW_MS } from './support.ts';
import { describeToken } from './token-decoder.ts';

const openssl = spawnSync('openssl', ['version']).status === 0;
const skip = openssl ? false : 'SKIPPED: openssl is not installed on this machine';
const DATA = Buffer.from('an artifact');

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'sigstead-tsa-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string): string => join(folder, name);
const pem = (chain: Uint8Array[]): string => chain.map((der) => encodePem('CERTIFICATE', der)).join('');

function query(...options: string[]): Buffer {
  writeFileSync(file('data'), DATA);
  execFileSync('openssl', ['ts', '-query', '-data', file('data'), ...options, '-out', file('query')], {
    stdio: 'pipe',
  });
  return readFileSync(file('query'));
}

/** `openssl ts -verify` of the reply in the folder against a chain, at the time of the test's clock. */
function opensslVerifies(reply: Uint8Array, chain: Uint8Array[], against: string[]): boolean {
  writeFileSync(file('reply'), reply);
  writeFileSync(file('root.pem'), pem(chain.slice(-1)));
  writeFileSync(file('untrusted.pem'), pem(chain.slice(0, -1)));
  const trust = ['-CAfile', file('root.pem'), '-untrusted', file('untrusted.pem')];
  const at = ['-attime', String(Math.floor(TEST_NOW_MS / 1000)), '-x509_strict'];
  const run = spawnSync('openssl', ['ts', '-verify', '-in', file('reply'), ...against, ...trust, ...at]);
  return run.status === 0 && run.stdout.toString().includes('Verification: OK');
}

const byQuery = (): string[] => ['-queryfile', file('query')];
const byData = (): string[] => ['-data', file('data')];

test('D49 openssl makes the query and verifies the reply: every hash, certificate, nonce and policy', {
  skip,
}, async () => {
  await using tsa = await runTsa();
  for (const hash of ['-sha256', '-sha384', '-sha512']) {
    for (const cert of [[], ['-cert']]) {
      for (const nonce of [[], ['-no_nonce']]) {
        for (const policy of [[], ['-tspolicy', '1.3.6.1.4.1.57264.2']]) {
          const options = [hash, ...cert, ...nonce, ...policy];
          const answer = await post(tsa, query(...options));
          assert.equal(answer.status, 200);
          assert.equal(answer.headers['content-type'], 'application/timestamp-reply');
          assert.ok(opensslVerifies(answer.body, recordedChain(), byQuery()), options.join(' '));
          assert.equal((describeToken(answer.body)['certificates'] as string[]).length, cert.length);
        }
      }
    }
  }
});

test('D49 openssl verifies tokens of P-384, P-521 and RSA leaves, with the chain inside', { skip }, async () => {
  for (const leafAlgorithm of ['P-384', 'P-521', 'RSA'] as const) {
    const made = await makeChain({ leafAlgorithm });
    await using tsa = await runTsa({ ...made, includeChain: true });
    const answer = await post(tsa, query('-sha512', '-cert'));
    assert.ok(opensslVerifies(answer.body, made.chain, byQuery()), leafAlgorithm);
    assert.equal((describeToken(answer.body)['certificates'] as string[]).length, 3);
  }
});

test('D54 openssl refuses a swapped leaf, an altered imprint, a changed byte and a nonce of another query', {
  skip,
}, async () => {
  await using tsa = await runTsa();
  const { body } = await post(tsa, query('-sha256', '-cert'));
  assert.ok(opensslVerifies(body, recordedChain(), byQuery()), 'the unchanged one verifies');
  assert.ok(!opensslVerifies(body, (await makeChain()).chain, byQuery()), 'other chain');
  const digest = createHash('sha256').update(DATA).digest();
  const altered = Buffer.from(body);
  const at = altered.indexOf(digest);
  altered[at] = altered.readUInt8(at) ^ 1;
  assert.ok(!opensslVerifies(altered, recordedChain(), byQuery()), 'altered imprint');
  const last = Buffer.from(body);
  last[last.length - 1] = last.readUInt8(last.length - 1) ^ 1;
  assert.ok(!opensslVerifies(last, recordedChain(), byQuery()), 'changed signature');
  query('-sha256', '-cert');
  assert.ok(!opensslVerifies(body, recordedChain(), byQuery()), 'nonce of another query');
  writeFileSync(file('data'), 'another artifact');
  assert.ok(!opensslVerifies(body, recordedChain(), byData()), 'other data');
});

test('D50, D54 @sigstore/core verifies the token of a sigstore-js request, and refuses other data and other keys', async () => {
  await using tsa = await runTsa();
  const artifactHash = createHash('sha256').update(DATA).digest('base64');
  const { body } = await postJson(tsa, { artifactHash, hashAlgorithm: 'sha256' });
  const timestamp = RFC3161Timestamp.parse(Buffer.from(body));
  const leaf = new X509Certificate(recordedChain()[0] ?? Buffer.alloc(0));
  timestamp.verify(DATA, leaf.publicKey);
  assert.equal(timestamp.status, 0n);
  assert.equal(timestamp.signingTime.getTime(), Math.floor(TEST_NOW_MS / 1000) * 1000);
  assert.equal(timestamp.signerSerialNumber.toString('hex').toUpperCase(), leaf.serialNumber);
  assert.throws(() => timestamp.verify(Buffer.from('other'), leaf.publicKey));
  const other = new X509Certificate((await makeChain()).chain[0] ?? Buffer.alloc(0));
  assert.throws(() => timestamp.verify(DATA, createPublicKey(other.publicKey.export({ type: 'spki', format: 'pem' }))));
});

test('D54 @sigstore/core verifies tokens of P-384 and P-521 leaves for every imprint hash', async () => {
  for (const leafAlgorithm of ['P-384', 'P-521'] as const) {
    const made = await makeChain({ leafAlgorithm });
    await using tsa = await runTsa(made);
    for (const hashAlgorithm of ['sha256', 'sha384', 'sha512']) {
      const artifactHash = createHash(hashAlgorithm).update(DATA).digest('base64');
      const { body } = await postJson(tsa, { artifactHash, hashAlgorithm, certificates: true, nonce: 7 });
      RFC3161Timestamp.parse(Buffer.from(body)).verify(DATA, made.signer.publicKey);
    }
  }
});

async function stamp(tsa: Running): Promise<Buffer> {
  return (await post(tsa, query('-sha256'))).body;
}

test('D58 after a leaf rotation the endpoint shows the new chain and old tokens verify with the old one', {
  skip,
}, async () => {
  const old = await makeChain();
  const next = await makeChain();
  let early: Buffer;
  {
    await using tsa = await runTsa(old);
    early = await stamp(tsa);
  }
  await using tsa = await runTsa(next);
  const shown = await tsa.send({ method: 'GET', path: '/api/v1/timestamp/certchain' });
  assert.equal(shown.body.toString(), pem(next.chain));
  const late = await stamp(tsa);
  assert.ok(opensslVerifies(early, old.chain, byData()));
  assert.ok(opensslVerifies(late, next.chain, byData()));
  assert.ok(!opensslVerifies(early, next.chain, byData()));
});
