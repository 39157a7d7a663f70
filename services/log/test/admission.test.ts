import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Admission } from '../src/rekor-v2/admission.ts';
import { ServiceRate } from '../src/rekor-v2/service-rate.ts';
import { UnreadTime } from '../src/rekor-v2/unread.ts';

interface Load {
  /** Arrivals and the most that can be served, a millisecond. */
  arrivalsPerMs: number;
  servedPerMs: number;
  ms: number;
}

interface Seen {
  waits: number[];
  refused: number;
  served: number;
}

/** One server, first in, first out, on a clock that steps by milliseconds. Goes on from `startMs`. */
function simulate(admission: Admission, { arrivalsPerMs, servedPerMs, ms }: Load, startMs = 0): Seen {
  const seen: Seen = { waits: [], refused: 0, served: 0 };
  const queue: number[] = [];
  let arriving = 0;
  let power = 0;
  for (let nowMs = startMs; nowMs < startMs + ms; nowMs++) {
    for (arriving += arrivalsPerMs; arriving >= 1; arriving--) {
      if (!admission.isOpen({ nowMs, unreadMs: 0 })) {
        seen.refused += 1;
        continue;
      }
      admission.enter();
      queue.push(nowMs);
    }
    for (power = Math.min(power, 1) + servedPerMs; power >= 1 && queue.length > 0; power--) {
      seen.waits.push(nowMs - (queue.shift() ?? nowMs));
      seen.served += 1;
      admission.leave(nowMs, 'served');
    }
  }
  for (let left = queue.length; left > 0; left--) admission.leave(startMs + ms, 'failed');
  return seen;
}

const rates = fc.double({ min: 0.2, max: 8, noNaN: true });
/** Fast enough for a burst to be met and settled within the time of a test. */
const fastEnough = fc.double({ min: 0.5, max: 8, noNaN: true });
const AT = { nowMs: 0, unreadMs: 0 };

describe('who is let in', () => {
  it('nobody is refused while no more than 256 are under way, however slow the service', () => {
    fc.assert(
      fc.property(rates, fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 50 }), (servedPerMs, pauses) => {
        const admission = new Admission();
        let nowMs = 0;
        for (const pauseMs of pauses) {
          while (admission.underWay < 256) {
            assert.equal(admission.isOpen({ nowMs, unreadMs: pauseMs }), true);
            admission.enter();
          }
          nowMs += pauseMs;
          const done = Math.min(256, Math.floor(pauseMs * servedPerMs));
          for (let i = 0; i < done; i++) admission.leave(nowMs, i % 3 === 0 ? 'failed' : 'served');
        }
      }),
    );
  });

  it('below capacity nobody is refused', () => {
    fc.assert(
      fc.property(rates, fc.double({ min: 0.05, max: 0.95, noNaN: true }), (servedPerMs, part) => {
        const seen = simulate(new Admission(), { arrivalsPerMs: servedPerMs * part, servedPerMs, ms: 4000 });
        assert.equal(seen.refused, 0);
      }),
      { numRuns: 30 },
    );
  });

  it('above it all of the capacity is used, and who is let in waits no longer than the bound allows', () => {
    fc.assert(
      fc.property(fastEnough, fc.double({ min: 2, max: 6, noNaN: true }), (servedPerMs, times) => {
        const seen = simulate(new Admission(), { arrivalsPerMs: servedPerMs * times, servedPerMs, ms: 8000 });
        assert.ok(seen.refused > 0);
        assert.ok(seen.served > 0.95 * servedPerMs * 8000, `${seen.served} served`);
        // After the first burst: 120 ms, or the 128 that are always let in; and what a window's count is off.
        const settled = seen.waits.slice(Math.ceil(seen.served / 2));
        const most = 1.15 * Math.max(120, 128 / servedPerMs) + 5;
        assert.ok(Math.max(...settled) <= most, `a wait of ${Math.max(...settled)} ms, not ${most}`);
      }),
      { numRuns: 30 },
    );
  });

  it('a service that gets slower lets fewer in, one that gets faster more', () => {
    const admission = new Admission();
    const flood = (servedPerMs: number, startMs: number): number => {
      simulate(admission, { arrivalsPerMs: 20, servedPerMs, ms: 5000 }, startMs);
      return admission.limit({ nowMs: startMs + 5000, unreadMs: 0 });
    };
    const fast = flood(5, 0);
    const slow = flood(2, 5000);
    assert.ok(fast > 550 && fast < 650, `${fast}`);
    assert.ok(slow > 220 && slow < 270, `${slow}`);
    assert.ok(flood(5, 10_000) > 550);
  });

  it('a second after the last refusal a burst is let in again', () => {
    const admission = new Admission();
    simulate(admission, { arrivalsPerMs: 10, servedPerMs: 2, ms: 3000 });
    assert.ok(admission.limit({ nowMs: 3000, unreadMs: 0 }) < 256);
    assert.ok(admission.limit({ nowMs: 4001, unreadMs: 0 }) > 400);
  });

  it('while requests wait unread fewer are let in, but always some', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), (unreadMs) => {
        const admission = new Admission();
        simulate(admission, { arrivalsPerMs: 10, servedPerMs: 2, ms: 2000 });
        const limit = admission.limit({ nowMs: 2000, unreadMs });
        assert.ok(limit >= 32 && limit <= admission.limit({ nowMs: 2000, unreadMs: 0 }));
      }),
    );
  });

  it('failures free their place and say nothing of the rate', () => {
    const admission = new Admission();
    for (let nowMs = 0; nowMs < 5000; nowMs++) {
      for (let i = 0; i < 100; i++) admission.enter();
      for (let i = 0; i < 100; i++) admission.leave(nowMs, 'failed');
    }
    assert.equal(admission.underWay, 0);
    assert.equal(admission.limit(AT), 512);
  });
});

describe('the rate of service', () => {
  it('is lowered only by windows in which others were refused', () => {
    const rate = new ServiceRate();
    let nowMs = 0;
    const serve = (perMs: number, ms: number, isFull: boolean): void => {
      for (let i = 0; i <= perMs * ms; i++) rate.served(nowMs + i / perMs, { isFull });
      nowMs += ms;
    };
    serve(2, 1000, false);
    assert.ok(Math.abs(rate.perMs - 2) < 0.1);
    serve(0.1, 10_000, false);
    assert.ok(rate.perMs > 1.9);
    serve(0.5, 20_000, true);
    assert.ok(Math.abs(rate.perMs - 0.5) < 0.05);
  });
});

describe('time unread', () => {
  it('is counted from the turn before, unless the loop has rested since', () => {
    let nowMs = 1000;
    let idleMs = 0;
    const turns: (() => void)[] = [];
    const source = { nowMs: () => nowMs, idleMs: () => idleMs, afterTurn: (done: () => void) => void turns.push(done) };
    const unread = new UnreadTime(source);
    assert.equal(unread.at(nowMs), 0);
    nowMs += 30;
    assert.equal(unread.at(nowMs), 30);
    turns.shift()?.();
    // The next turn follows at once: what it reads may have come just after the begin of the first.
    nowMs += 20;
    assert.equal(unread.at(nowMs), 50);
    turns.shift()?.();
    nowMs += 10;
    assert.equal(unread.at(nowMs), 10);
    turns.shift()?.();
    idleMs += 5;
    nowMs += 5;
    assert.equal(unread.at(nowMs), 0);
    assert.equal(turns.length, 1);
  });
});
