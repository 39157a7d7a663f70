import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { exampleCiClaims } from '@sigstead/dev-oidc';

test('the claims file of the README is the pattern that the login page shows', () => {
  const file = readFileSync(new URL('../examples/github-claims.json', import.meta.url), 'utf8');
  assert.deepEqual(JSON.parse(file), exampleCiClaims());
});
