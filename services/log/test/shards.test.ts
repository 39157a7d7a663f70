import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { noteVerifier, parseSignedCheckpoint, publicKeyFromSpki, verifyNote } from '@sigstead/formats';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { hashedRekord, newKey } from './support/entries.ts';
import { type RawResponse, send } from './support/raw-http.ts';
import { startServer, type TestServer } from './support/server.ts';

const key = newKey();
const shards = ['', '/2027', '/2028/a'].map((base, i) => ({
  base,
  name: `s${i}`,
  origin: `log${i}.example.com`,
  kind: 'rekor-v2' as const,
  signer: signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256')),
}));
let server: TestServer;
before(async () => {
  const logs = shards.map(({ base, ...spec }) => ({ ...spec, basePaths: [base], create: true }));
  // What another process does is looked for before each answer.
  server = await startServer({ logs, checkpointAgeMs: 0 });
});
after(() => server.close());

const get = (path: string): Promise<RawResponse> => send(server.port, { method: 'GET', path });
const post = (base: string, text: string): Promise<RawResponse> => {
  const body = Buffer.from(JSON.stringify(hashedRekord(key, text)));
  return send(server.port, { method: 'POST', path: `${base}/api/v2/log/entries`, body });
};

test('shards behind one listener take entries and serve reads under / and /api/v2/ of their own base paths, each with its key', async () => {
  for (const [i, { base, origin, signer }] of shards.entries()) {
    for (let n = 0; n <= i; n++) {
      const answer = await post(base, `entry ${n}`);
      assert.equal(answer.status, 201, answer.body.toString());
      // The same text in each: a shard knows nothing of what is in another.
      assert.equal((JSON.parse(answer.body.toString()) as { logIndex: string }).logIndex, String(n));
    }
    for (const prefix of [base, `${base}/api/v2`]) {
      const { checkpoint, note } = parseSignedCheckpoint((await get(`${prefix}/checkpoint`)).body.toString());
      assert.equal(checkpoint.origin, origin);
      verifyNote(note, [noteVerifier(origin, publicKeyFromSpki(signer.spki))]);
      assert.equal(checkpoint.size, i + 1);
      assert.equal((await get(`${prefix}/tile/0/000.p/${i + 1}`)).body.length, 32 * (i + 1));
      assert.equal((await get(`${prefix}/tile/entries/000.p/${i + 1}`)).status, 200);
    }
  }
});

test('below a base path wrong paths, methods and tiles are answered as at the root', async () => {
  const cases: [method: string, path: string][] = [
    ['GET', '/api/v2/log/entries'],
    ['DELETE', '/checkpoint'],
    ['GET', '/tile/x/000'],
    ['GET', '/api/v2/tile/x/000'],
    ['GET', '/tile/0/000'],
    ['GET', '/nothing'],
    ['POST', '/api/v2/log/entries'],
  ];
  for (const [method, path] of cases) {
    const at = async (base: string): Promise<[number, string]> => {
      const body = method === 'POST' ? { body: Buffer.from('{}') } : {};
      const { status, body: text } = await send(server.port, { method, path: base + path, ...body });
      return [status, text.toString()];
    };
    const root = await at('');
    assert.ok(root[0] >= 400, `${method} ${path} ${root[0]}`);
    for (const base of ['/2027', '/2028/a']) assert.deepEqual(await at(base), root, `${method} ${base}${path}`);
  }
});

test('F 68: a frozen shard answers 405 to writes and serves its last note, beside others that go on', async () => {
  const { base, name, origin } = shards[1] ?? assert.fail();
  const other = await startServer({
    database: server.database,
    logs: [{ ...(shards[1] ?? assert.fail()), basePaths: [base] }],
  });
  await other.handle.changeState(name, 'frozen');
  await other.close();
  const refused = await post(base, 'late');
  assert.equal(refused.status, 405);
  assert.equal(refused.body.toString(), 'This log has been frozen, please switch to the latest log.\n');
  const { checkpoint } = parseSignedCheckpoint((await get(`${base}/checkpoint`)).body.toString());
  assert.equal(checkpoint.origin, origin);
  assert.match(checkpoint.extensions[0] ?? '', /^Log frozen — /);
  assert.equal((await post('', 'goes on')).status, 201);
  assert.equal((await post('/2028/a', 'goes on too')).status, 201);
});

test('two shards at one base path are refused', async () => {
  for (const basePaths of [undefined, [''], ['/x', '/y']]) {
    const [one, two] = shards.map(({ base: _, ...spec }) => ({
      ...spec,
      ...(basePaths === undefined ? {} : { basePaths }),
    }));
    const logs = [one ?? assert.fail(), two ?? assert.fail()];
    await assert.rejects(startServer({ database: server.database, logs }), { code: 'misconfigured' });
  }
});
