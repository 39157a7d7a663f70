import assert from 'node:assert/strict';
import { generateKeyPairSync, hash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { createMetrics, silentLogger, systemClock } from '@sigstead/platform';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import { composeLog, fileMark, type LogHandle, type LogSpec } from '../src/index.ts';
import { hasher } from './support/test-log.ts';

const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
const spec: LogSpec = { name: 'one', origin: 'one.example.com', kind: 'rekor-v2', signer };

let database: TestDatabase;
const opened: LogHandle[] = [];
before(async () => {
  database = await testDatabase();
  await compose({ ...spec, create: true });
});
// Also what a failed test has left open: it would keep this process alive.
afterEach(() => Promise.all(opened.splice(0).map((handle) => handle.close())));
after(() => database.drop());

async function compose(one: LogSpec, { connectionString } = database): Promise<LogHandle> {
  const { logger, metrics } = { logger: silentLogger, metrics: createMetrics() };
  const handle = await composeLog({ connectionString, logger, metrics, clock: systemClock, logs: [one] });
  opened.push(handle);
  return handle;
}

test('another algorithm, or another form of a key, is another log; the same key in another encoding is the same', async () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const encodings = [
    pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    pair.privateKey.export({ type: 'sec1', format: 'pem' }),
  ];
  const own = { name: 'encoded', origin: 'encoded.example.com', kind: 'rekor-v2' as const };
  for (const pem of encodings) await compose({ ...own, signer: signerFromPem(String(pem)), create: true });
  for (const algorithm of ['ed25519', 'rsa-pkcs1-sha256'] as const) {
    const changed = { ...own, signer: signerFromPem(generatePrivateKeyPem(algorithm)) };
    for (const create of [false, true]) {
      await assert.rejects(compose({ ...changed, create }), { code: 'misconfigured', message: /another key/ });
    }
  }
  // The same point, written compressed: the bytes that name the log would be others.
  const spki = pair.publicKey.export({ type: 'spki', format: 'der' });
  const compressed = Buffer.concat([
    Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
    Buffer.of(2 + ((spki.at(-1) ?? 0) & 1)),
    spki.subarray(-64, -32),
  ]);
  const honest = signerFromPem(String(encodings[0]));
  await assert.rejects(compose({ ...own, signer: { ...honest, spki: compressed } }), {
    message: /not an uncompressed point/,
  });
});

test('no second log is made under the key or the origin of another: its tree would be a fork', async () => {
  const other = (): ReturnType<typeof signerFromPem> => signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
  const same = { ...spec, name: 'two', create: true };
  await assert.rejects(compose({ ...same, origin: 'two.example.com' }), {
    code: 'misconfigured',
    message: /log "two" has the key of another log/,
  });
  await assert.rejects(compose({ ...same, origin: 'two.example.com', kind: 'ct' }), { message: /key of another log/ });
  await assert.rejects(compose({ ...same, signer: other() }), {
    code: 'misconfigured',
    message: /log "two" has the origin "one\.example\.com" of another log/,
  });
  const ct = { ...same, kind: 'ct' as const };
  await compose({ ...ct, name: 'ct', signer: other() });
});

test('a log that its mark knows is not made anew in another database, nor with another key', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'sigstead-creation-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const markFile = path.join(folder, 'marked');
  const marked = { ...spec, name: 'marked', origin: 'marked.example.com', create: true, markFile };
  const own = { ...marked, signer: signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256')) };
  await compose(own);
  assert.deepEqual(await readdir(folder), ['marked.0'], 'a log has a mark from the beginning');
  const key = Buffer.from(hash('sha256', own.signer.spki, 'buffer')).toString('hex');
  const root = hasher.leaf(Buffer.from('grown'));
  await fileMark({ file: markFile, key }).advance({ size: 1, root }, () => Promise.resolve());
  const empty = await testDatabase();
  t.after(() => empty.drop());
  const elsewhere = (one: LogSpec): Promise<LogHandle> => compose(one, empty);
  const stolen = { ...own, name: 'stolen', markFile: path.join(folder, 'stolen') };
  await assert.rejects(compose(stolen), { message: /key of another log/ });
  assert.deepEqual(await readdir(folder), ['marked.1'], 'what is refused leaves no mark behind');
  await assert.rejects(elsewhere(own), {
    code: 'misconfigured',
    message: /log "marked" is not in this database, but its mark has size 1 root [0-9a-f]{64}/,
  });
  const otherKey = { ...own, signer: signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256')) };
  await assert.rejects(elsewhere(otherKey), { code: 'halted' });
  const pool = empty.pool();
  assert.equal((await pool.query('select 1 from log.logs')).rowCount, 0);
});
