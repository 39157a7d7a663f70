import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { hashedRekord, newKey } from './support/entries.ts';
import { assertRefused, post, verified } from './support/rekor-client.ts';
import { startServer } from './support/server.ts';

const log = { origin: 'log.example.com', signer: signerFromPem(generatePrivateKeyPem('ed25519')) };
const key = newKey();

for (const duplicates of ['original', 'conflict'] as const) {
  for (const [place, index] of [
    ['where another entry stands', 0],
    ['where none stands', 1000],
  ] as const) {
    test(`a stored index that leads ${place} is told to nobody, and stops the log (duplicates: ${duplicates})`, async (t) => {
      const server = await startServer({ logs: [{ name: 'v2', kind: 'rekor-v2', create: true, duplicates, ...log }] });
      t.after(() => server.close());
      verified(await post(server.port, hashedRekord(key, 'first')), log);
      const request = hashedRekord(key, 'second');
      verified(await post(server.port, request), log);
      const pool = server.database.pool({ max: 1 });
      await pool.query(`set session_replication_role = replica`);
      const { rowCount } = await pool.query('update log.identities set entry_index = $1 where entry_index = 1', [
        index,
      ]);
      assert.equal(rowCount, 1);
      await pool.end();
      assertRefused(await post(server.port, request), 500, 13, 'internal server error');
      const ready = await server.handle.ready();
      assert.equal(ready.ok, false);
      assert.match(
        ready.detail ?? '',
        /stored index of a leaf hash is \d+, where another leaf stands, or none; nothing is signed/,
      );
      assertRefused(await post(server.port, hashedRekord(key, 'third')), 503, 14, /./);
    });
  }
}
