import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import {
  cosignatureLine,
  cosignatureMessage,
  publicKeyFromSpki,
  TLOG_SIZE_TYPE,
  verifierKey,
  verifierOf,
} from '@sigstead/formats';
import fc from 'fast-check';
import { LogError } from '../src/core/errors.ts';
import { judgeAnswer, type Question } from '../src/core/witness/answer.ts';
import { isCosignedBy, withCosignatures, withoutCosignatures } from '../src/core/witness/note.ts';
import type { Shown } from '../src/publication.ts';
import { Waiting } from '../src/witness/waiting.ts';
import { rekorV2Personality } from '../src/core/rekor-v2/personality.ts';
import { signer } from './support/witnessed-log.ts';

const keys = generateKeyPairSync('ed25519');
const key = verifierKey(
  'w.example',
  'cosignature-v1',
  publicKeyFromSpki(keys.publicKey.export({ type: 'spki', format: 'der' })),
);
const verifier = verifierOf(key);
const text = `log.example.com\n7\n${Buffer.alloc(32, 1).toString('base64')}\n`;
const NOW = 1_800_000_000_000;
const question: Question = { oldSize: 3, size: 7, text, verifier, signedMs: NOW, nowMs: NOW };

function line(timestampSec = NOW / 1000): string {
  const signature = sign(null, cosignatureMessage(text, timestampSec), keys.privateKey);
  return cosignatureLine(key.name, key.key, { timestampSec, signature });
}

test('F66: no answer of a witness is more than a verdict, and none but its own cosignature of the very text is one', () => {
  const status = fc.oneof(fc.constantFrom(200, 400, 403, 404, 409, 422, 500), fc.integer({ min: 100, max: 999 }));
  const contentType = fc.oneof(fc.constantFrom(null, TLOG_SIZE_TYPE, `${TLOG_SIZE_TYPE}; charset=utf-8`), fc.string());
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string().map((each) => Buffer.from(each)),
    fc.bigInt({ min: -5n, max: 2n ** 70n }).map((each) => Buffer.from(`${each}\n`)),
    fc.string().map((each) => Buffer.from(`\u2014 w.example ${each}\n`)),
  );
  fc.assert(
    fc.property(status, contentType, body, (s, type, bytes) => {
      const verdict = judgeAnswer({ status: s, contentType: type, body: bytes }, question);
      assert.notEqual(verdict.kind, 'cosigned');
      if (verdict.kind === 'knows') assert.ok(verdict.size >= 0 && verdict.size <= question.size);
      if (verdict.kind === 'ahead') assert.ok(Number.isSafeInteger(verdict.size) && verdict.size > question.size);
    }),
    { numRuns: 2000 },
  );
});

test('F66: a cosignature is taken as it is, and with any bit of it changed it is none', () => {
  const body = Buffer.from(line());
  const judged = judgeAnswer({ status: 200, contentType: null, body }, question);
  assert.deepEqual(judged, { kind: 'cosigned', line: line() });
  for (let bit = 0; bit < body.length * 8; bit++) {
    const changed = Buffer.from(body);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    const verdict = judgeAnswer({ status: 200, contentType: null, body: changed }, question);
    assert.equal(verdict.kind, 'failed', `bit ${bit}`);
  }
});

test('F66: clocks may differ by five minutes: a cosignature counts from then before the checkpoint to then after now', () => {
  const kindAt = (offsetSec: number): string =>
    judgeAnswer({ status: 200, contentType: null, body: Buffer.from(line(NOW / 1000 + offsetSec)) }, question).kind;
  assert.deepEqual([-301, -300, 0, 300, 301].map(kindAt), ['failed', 'cosigned', 'cosigned', 'cosigned', 'failed']);
});

test('F66: a log whose clock was ahead once is witnessed all the same, though its heads are of the time to come', () => {
  const signedMs = NOW + 3_600_000;
  const body = Buffer.from(line());
  assert.equal(judgeAnswer({ status: 200, contentType: null, body }, { ...question, signedMs }).kind, 'cosigned');
  const old = Buffer.from(line(NOW / 1000 - 301));
  assert.equal(judgeAnswer({ status: 200, contentType: null, body: old }, { ...question, signedMs }).kind, 'failed');
});

test('F66: what a witness says contradicts the log only where it has something to compare with', () => {
  const reasonOf = (status: number, oldSize: number, body = '', contentType: string | null = null): unknown => {
    const verdict = judgeAnswer({ status, contentType, body: Buffer.from(body) }, { ...question, oldSize });
    return verdict.kind === 'failed' ? verdict.reason : verdict;
  };
  assert.deepEqual(
    [422, 409].map((status) => reasonOf(status, 0)),
    ['refused', 'malformed'],
  );
  assert.deepEqual(
    [422, 409].map((status) => reasonOf(status, 3)),
    ['contradicts', 'malformed'],
  );
  assert.deepEqual(
    [422, 409].map((status) => reasonOf(status, 7)),
    ['contradicts', 'contradicts'],
  );
  assert.deepEqual(reasonOf(409, 3, '3\n', TLOG_SIZE_TYPE), 'malformed');
  assert.deepEqual(reasonOf(409, 7, '7\n', TLOG_SIZE_TYPE), 'contradicts');
  assert.deepEqual(reasonOf(409, 3, '5', TLOG_SIZE_TYPE), { kind: 'knows', size: 5 });
  assert.deepEqual(reasonOf(409, 3, '8\n', TLOG_SIZE_TYPE), { kind: 'ahead', size: 8 });
});

test('F66: cosignatures stand after the lines of the log, and are taken out again without touching those', async () => {
  const personality = rekorV2Personality({ origin: 'log.example.com', signer });
  const note = await personality.signHead({ size: 7, root: Buffer.alloc(32, 1), timestampMs: 1 });
  const cosigned = withCosignatures(note, [line()]);
  assert.deepEqual([isCosignedBy(note, verifier), isCosignedBy(cosigned, verifier)], [false, true]);
  assert.deepEqual(withoutCosignatures(cosigned, [verifier]), Buffer.from(note));
  assert.deepEqual(withoutCosignatures(cosigned, []), Buffer.from(cosigned));
  assert.equal(personality.openHead(cosigned).size, 7);
});

test('F69: those who wait for a publication are bounded in number; each is answered, told that its time is over, or gone', async () => {
  let current: Pick<Shown, 'head'> | undefined;
  const waiting = new Waiting<Pick<Shown, 'head'>>({
    waitMs: 50,
    maxWaiting: 3,
    pollMs: 5,
    current: () => current,
    assertHope: () => undefined,
    look: () => Promise.resolve(),
  });
  const show = (size: number): void => {
    current = { head: { size } } as Pick<Shown, 'head'>;
    waiting.notice();
  };
  const gone = new AbortController();
  const first = waiting.until(0);
  const third = waiting.until(2);
  const left = waiting.until(1, gone.signal);
  assert.throws(() => waiting.checkRoom(), { code: 'queue_full' });
  await assert.rejects(waiting.until(5), { code: 'queue_full' });
  gone.abort(new LogError('cancelled', 'context canceled'));
  await assert.rejects(left, { code: 'cancelled' });
  waiting.checkRoom();
  show(1);
  assert.equal((await first).head.size, 1);
  await assert.rejects(third, { code: 'unavailable', message: 'entry is not in a witnessed checkpoint yet; retry' });
  show(3);
  assert.equal((await waiting.until(2)).head.size, 3);
  const last = waiting.until(9);
  waiting.end(new LogError('closing', 'log is temporarily unavailable'));
  await assert.rejects(last, { code: 'closing' });
  await assert.rejects(waiting.until(9), { code: 'closing' });
});

test('F69: however many wait for one publication, the process does other things between their answers', async () => {
  const shown: Pick<Shown, 'head'>[] = [];
  const waiting = new Waiting<Pick<Shown, 'head'>>({
    waitMs: 60_000,
    maxWaiting: 4096,
    pollMs: 5,
    current: () => shown.at(-1),
    assertHope: () => undefined,
    look: () => Promise.resolve(),
  });
  let answered = 0;
  const all = Array.from({ length: 4096 }, async () => {
    await waiting.until(0);
    answered += 1;
  });
  shown.push({ head: { size: 1 } } as Pick<Shown, 'head'>);
  waiting.notice();
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(answered > 0 && answered < 200, String(answered));
  await Promise.all(all);
  assert.equal(answered, 4096);
});
