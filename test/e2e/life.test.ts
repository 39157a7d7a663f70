import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import { LIFE_CASES, runLife } from '../fault/life.ts';

/** The long form is `npm run test:fault`. Of the two primaries one round writes to one of them and one to both. */
const ROUNDS: Readonly<Record<string, number>> = { 'two live primaries with one mark': 2 };

suite('wrong data under sigstead serve is found out before anything is signed', { concurrency: 2 }, () => {
  let server: TestDatabase;
  before(async () => {
    server = await testDatabase();
  });
  after(() => server.drop());

  for (const name of Object.keys(LIFE_CASES)) {
    test(name, { timeout: 120_000 }, async () => {
      const rounds = ROUNDS[name] ?? 1;
      const [result] = await runLife({ rounds, server: server.connectionString, cases: [name] });
      assert.deepEqual(result?.problems, []);
      assert.equal(result.detectedMs.length, rounds);
    });
  }
});
