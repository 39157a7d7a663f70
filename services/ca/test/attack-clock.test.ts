import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IssuerKeys } from '../src/oidc/issuer-keys.ts';

/* A clock that was far ahead for a moment, and was set right. */

const ISSUER = 'https://issuer.example.com';
const YEAR_MS = 365 * 24 * 3_600_000;

function world() {
  const state = { nowMs: 1_800_000_000_000, fetches: 0, down: false };
  const keys = new IssuerKeys({
    issuer: ISSUER,
    clock: { nowMs: () => state.nowMs },
    hosts: { isMeta: false, jwksHosts: [] },
    onFetch: () => undefined,
    fetchJson: ({ url }) => {
      if (url.endsWith('/keys')) return Promise.resolve(Buffer.from('{"keys":[]}'));
      state.fetches += 1;
      if (state.down) return Promise.reject(new Error('down'));
      return Promise.resolve(Buffer.from(JSON.stringify({ issuer: ISSUER, jwks_uri: `${ISSUER}/keys` })));
    },
  });
  return { state, keys };
}

test('keys fetched while the clock was ahead are fetched again once it is right: withdrawn ones lose their trust', async () => {
  const { state, keys } = world();
  state.nowMs += YEAR_MS;
  await keys.current();
  state.nowMs -= YEAR_MS;
  await keys.current();
  await keys.current();
  assert.equal(state.fetches, 2);
});

test('neither a failure nor a forced fetch of the future keeps newer keys away', async () => {
  const { state, keys } = world();
  state.nowMs += YEAR_MS;
  const seen = await keys.current();
  state.down = true;
  await assert.rejects(keys.newerThan(seen));
  state.nowMs -= YEAR_MS;
  state.down = false;
  assert.notEqual(await keys.newerThan(seen), undefined);
  assert.equal(state.fetches, 3);
});

test('a step back of the clock does not take known keys away while the issuer is down', async () => {
  const { state, keys } = world();
  const known = await keys.current();
  state.nowMs -= 5;
  state.down = true;
  assert.equal(await keys.current(), known);
});
