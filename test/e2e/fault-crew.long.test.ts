import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCrew } from '../fault/crew-cycles.ts';
import { runFlood } from '../fault/flood.ts';
import { runStandby } from '../fault/standby.ts';

const SEED = 20_262;

test('`sigstead serve --workers 4` loses workers, its first process, and all at once: one server to its callers', async (t) => {
  const { recoveryMs, verdict } = await runCrew({ seed: SEED, cycles: 4 });
  t.diagnostic(`${verdict.acknowledged} answers; answers again after ${JSON.stringify(recoveryMs)} ms`);
  assert.deepEqual(verdict.problems, []);
  assert.ok(verdict.acknowledged > 0, 'the load did not run');
});

test('a flood, with a silent, a killed database and a killed writer: 201, 409, 503 with Retry-After, 504, nothing else', async (t) => {
  const { phases, verdict } = await runFlood({ seed: SEED, phaseMs: 1000 });
  t.diagnostic(JSON.stringify(phases));
  assert.deepEqual(verdict.problems, []);
  const seen = new Set(phases.flatMap(({ statuses }) => Object.keys(statuses)));
  assert.ok(seen.has('503'), 'nobody was turned away');
  for (const status of seen) assert.ok(['201', '409', '503', '504', 'none'].includes(status), status);
});

test('a synchronous standby is away, returns, is promoted: nothing is acknowledged without it, nothing is lost', async (t) => {
  const { acknowledgedWithout, failoverMs, verdict } = await runStandby({ seed: SEED, awayMs: 1000 });
  t.diagnostic(`answers again ${Math.max(...failoverMs).toFixed(0)} ms after the primary's end`);
  assert.deepEqual(verdict.problems, []);
  assert.equal(acknowledgedWithout, 0);
});
