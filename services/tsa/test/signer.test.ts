import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Signer } from '@sigstead/keys';
import { makeChain } from './make-chain.ts';
import { derRequest, post, recordedSigner, refusal, runTsa, TEST_NOW_MS, testClock } from './support.ts';
import { describeToken } from './token-decoder.ts';

/** A key that fails in a chosen way. */
function faultySigner(): { signer: Signer; fault: { mode: 'none' | 'throw' | 'reject' | 'hang' | 'wrong' } } {
  const good = recordedSigner();
  const fault = { mode: 'none' as 'none' | 'throw' | 'reject' | 'hang' | 'wrong' };
  const sign = (message: Uint8Array): Uint8Array | Promise<Uint8Array> => {
    switch (fault.mode) {
      case 'none':
        return good.sign(message);
      case 'throw':
        throw new Error('device gone: pin 1234');
      case 'reject':
        return Promise.reject(new Error('throttled'));
      case 'hang':
        return new Promise(() => undefined);
      case 'wrong':
        return good.sign(Buffer.from('something else'));
    }
  };
  return { signer: { ...good, sign }, fault };
}

test('D57 signer outage: 5xx within the timeout, readiness differs from /ping, recovery without a restart', async () => {
  const { signer, fault } = faultySigner();
  await using tsa = await runTsa({ signer, signTimeoutMs: 50 });
  for (const mode of ['throw', 'reject', 'hang'] as const) {
    fault.mode = mode;
    const answer = await post(tsa, derRequest());
    assert.deepEqual(refusal(answer), [503, 'Error generating timestamp response'], mode);
    assert.ok(!answer.body.includes('1234'), 'the cause is for the operator');
    assert.equal((await tsa.tsa.ready()).ok, false, mode);
    assert.equal((await tsa.send({ method: 'GET', path: '/ping' })).status, 200);
    fault.mode = 'none';
    assert.deepEqual(await tsa.tsa.ready(), { ok: true }, 'without a request in between');
    assert.equal((await post(tsa, derRequest())).status, 200);
  }
  assert.match(await tsa.metrics.text(), /sigstead_tsa_outages_total\{reason="signer_timeout"\} [1-9]/);
});

test('D57 a token with a wrong signature never leaves', async () => {
  const { signer, fault } = faultySigner();
  await using tsa = await runTsa({ signer });
  fault.mode = 'wrong';
  const answer = await post(tsa, derRequest());
  assert.deepEqual(refusal(answer), [500, 'Error generating timestamp response']);
  assert.match((await tsa.tsa.ready()).detail ?? '', /self_check_failed/);
});

test('a signer that answers with a promise works like one that does not', async () => {
  const good = recordedSigner();
  const signer: Signer = { ...good, sign: (message) => Promise.resolve(good.sign(message)) };
  await using tsa = await runTsa({ signer });
  assert.equal(describeToken((await post(tsa, derRequest())).body)['status'], 0);
});

test('no token is issued once a certificate of the chain has ended, or before it begins', async () => {
  const made = await makeChain({ leafNotAfterMs: TEST_NOW_MS + 10_000 });
  const clock = testClock();
  await using tsa = await runTsa({ ...made, clock });
  assert.equal((await post(tsa, derRequest())).status, 200);
  clock.set(TEST_NOW_MS + 11_000);
  assert.equal((await post(tsa, derRequest())).status, 503);
  assert.match((await tsa.tsa.ready()).detail ?? '', /not valid/);
});

test('the days until the first certificate of the chain ends are a metric', async () => {
  const made = await makeChain({ leafNotAfterMs: TEST_NOW_MS + 10 * 86_400_000 });
  await using tsa = await runTsa(made);
  const days = /timestamp_authority_certificate_valid_days_remaining ([0-9.]+)/.exec(await tsa.metrics.text())?.[1];
  assert.ok(Math.abs(Number(days) - 10) < 0.01, String(days));
});
