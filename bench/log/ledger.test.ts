import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Answer } from './answer.ts';
import { Ledger } from './ledger.ts';

const added = (index: number): Answer => answer(201, `{"logIndex":"${index}","x":1}`);
const found = (index: number | string): Answer => answer(409, '{}', `X-Log-Index: ${index}`);
const fresh = (body: number): { body: number; isRepeat: boolean } => ({ body, isRepeat: false });
const repeat = (body: number): { body: number; isRepeat: boolean } => ({ body, isRepeat: true });

function answer(status: number, body: string, line = 'Server: x'): Answer {
  return { status, head: `HTTP/1.1 ${status} x\r\n${line}`, body: Buffer.from(body) };
}

function faultsOf(...steps: [plan: ReturnType<typeof fresh>, outcome: Answer | Error][]): string[] {
  const ledger = new Ledger(10);
  for (const [plan, outcome] of steps) ledger.record(plan, outcome, 1);
  ledger.close();
  assert.equal(ledger.answered, steps.length);
  assert.equal(ledger.faultCount, ledger.faults.length);
  return ledger.faults;
}

describe('the book of a run', () => {
  it('new entries, repeats of them and refusals are no fault, whatever the order of their answers', () => {
    const ledger = new Ledger(3);
    assert.equal(ledger.record(fresh(0), added(5), 2), true);
    assert.equal(ledger.record(repeat(0), found(5), 3), false);
    assert.equal(ledger.record(repeat(1), found(6), 3), false);
    assert.equal(ledger.record(fresh(1), added(6), 2), true);
    assert.equal(ledger.record(fresh(2), answer(503, '', 'Retry-After: 1'), 4), false);
    // The first sending was refused, so the repeat is the first to get in.
    assert.equal(ledger.record(repeat(2), added(7), 2), true);
    // A log that answers a repeat with the entry itself.
    assert.equal(ledger.record(repeat(1), added(6), 3), false);
    ledger.close();
    assert.deepEqual([ledger.accepted.count, ledger.duplicate.count, ledger.refused.count], [3, 3, 1]);
    assert.deepEqual(ledger.faults, []);
  });

  it('one index for two entries is a fault', () => {
    assert.match(faultsOf([fresh(0), added(5)], [fresh(1), added(5)])[0] ?? '', /index 5 was told for two/);
  });

  it('one entry at two indexes is a fault, however it shows', () => {
    assert.match(faultsOf([fresh(0), added(5)], [repeat(0), added(6)])[0] ?? '', /added twice/);
    assert.match(faultsOf([fresh(0), added(5)], [repeat(0), found(6)])[0] ?? '', /index 5, and 6/);
    assert.match(faultsOf([repeat(0), found(6)], [fresh(0), added(5)])[0] ?? '', /index 5, and 6/);
    assert.match(faultsOf([repeat(0), found(6)], [repeat(0), found(7)])[0] ?? '', /two indexes/);
  });

  it('an entry said to be there that nobody was told is new is a fault, unless a refused request may have added it', () => {
    assert.match(faultsOf([fresh(0), found(1)])[0] ?? '', /to nobody that it was added/);
    assert.match(faultsOf([fresh(0), found(1)], [repeat(0), found(1)])[0] ?? '', /to nobody that it was added/);
    const refused = answer(503, '', 'Retry-After: 1');
    assert.deepEqual(faultsOf([fresh(0), refused], [repeat(0), found(1)]), []);
  });

  it('a repeat may overtake the first', () => {
    assert.deepEqual(faultsOf([repeat(0), added(5)], [fresh(0), found(5)]), []);
    assert.deepEqual(faultsOf([fresh(0), found(5)], [repeat(0), added(5)]), []);
  });

  it('no answer, another status, an answer without index and a 503 without Retry-After are faults', () => {
    assert.match(faultsOf([fresh(0), new Error('reset')])[0] ?? '', /no answer: reset/);
    assert.match(faultsOf([fresh(0), answer(500, 'oops')])[0] ?? '', /500 oops/);
    assert.match(faultsOf([fresh(0), answer(201, '{}')])[0] ?? '', /without an index/);
    assert.match(faultsOf([fresh(0), answer(201, 'no json')])[0] ?? '', /without an index/);
    assert.match(faultsOf([repeat(0), found('')])[0] ?? '', /409 without/);
    assert.match(faultsOf([fresh(0), answer(503, '')])[0] ?? '', /Retry-After/);
  });

  it('counts all faults and shows the first few', () => {
    const ledger = new Ledger(100);
    for (let i = 0; i < 100; i++) ledger.record(fresh(i), new Error(`n${i}`), 1);
    assert.equal(ledger.faultCount, 100);
    assert.deepEqual(ledger.faults.at(0), 'no answer: n0');
    assert.ok(ledger.faults.length < 10);
  });
});
