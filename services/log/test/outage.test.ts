import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { testDatabase } from '@sigstead/test';
import { hashedRekord, newKey } from './support/entries.ts';
import { send } from './support/raw-http.ts';
import { startServer } from './support/server.ts';

test('a database that goes away: what is in memory is served, everything else says 503 and come again', async (t) => {
  const database = await testDatabase();
  const signer = signerFromPem(generatePrivateKeyPem('ed25519'));
  const server = await startServer({
    database,
    logs: [{ name: 'v2', origin: 'log.example.com', kind: 'rekor-v2', signer, create: true }],
  });
  t.after(() => server.close());
  const key = newKey();
  const post = (message: string) => {
    const body = Buffer.from(JSON.stringify(hashedRekord(key, message)));
    return send(server.port, { method: 'POST', path: '/api/v2/log/entries', body });
  };
  const get = (path: string) => send(server.port, { method: 'GET', path });
  assert.equal((await post('before')).status, 201);
  const checkpoint = (await get('/checkpoint')).body;
  await database.drop();

  const refused = await post('during');
  assert.equal(refused.status, 503);
  assert.equal(refused.headers['retry-after'], '1');
  const text = { code: 14, message: 'failed to integrate entry', details: [] };
  assert.deepEqual(JSON.parse(refused.body.toString()), text);
  assert.deepEqual((await get('/checkpoint')).body, checkpoint);
  assert.equal((await get('/tile/0/000.p/1')).status, 200);
  assert.equal((await get('/tile/entries/000.p/1')).status, 200);
  const beyond = await get('/tile/0/000.p/2');
  assert.equal(beyond.status, 503);
  assert.ok(!/connect|ECONN|postgres/i.test(beyond.body.toString()), beyond.body.toString());
  const ready = await server.handle.ready();
  assert.equal(ready.ok, false);
  // Found out by who asks, or before by the watch.
  assert.match(String(ready.detail), /^v2: .*(?:the database does not answer|no answer from the database)$/);
});
