import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LogError, StoreError } from '../src/core/errors.ts';
import { fsck } from '../src/core/fsck.ts';
import type { LogStore, Mark, MarkStore, Personality } from '../src/core/ports.ts';
import { halted } from '../src/core/state.ts';
import { BoundedMark, ENGINE_LIMITS, signingInTime } from '../src/engine/bounded.ts';
import type { Receipt } from '../src/engine/queue.ts';
import type { OpenLog } from '../src/open-log.ts';
import { SESSION_LIMITS } from '../src/store/session.ts';
import { hasher, testLogs, type TestLogs, text, textPersonality } from './support/test-log.ts';

let logs: TestLogs;
before(async () => {
  logs = await testLogs();
});
after(() => logs.drop());

/** Far beyond every limit of these tests, so that only the limit can end a wait. */
const ENDLESS = { signMs: 60_000, markMs: 60_000, answerMs: 60_000 };
const UNAVAILABLE = { name: 'LogError', code: 'unavailable', message: 'failed to integrate entry' };

/** Something that can be made to wait, and told to go on. */
function valve(): { stall: () => void; pass: () => Promise<void>; letGo: () => void; stalled: () => Promise<void> } {
  let gate: Promise<void> | undefined;
  let open: () => void = () => undefined;
  let arrived = Promise.withResolvers<void>();
  return {
    stall() {
      ({ promise: gate, resolve: open } = Promise.withResolvers<void>());
    },
    async pass() {
      if (gate === undefined) return;
      arrived.resolve();
      await gate;
    },
    letGo() {
      arrived = Promise.withResolvers<void>();
      gate = undefined;
      open();
    },
    stalled: () => arrived.promise,
  };
}

function stallingSigner(): { personality: Personality; signer: ReturnType<typeof valve>; signed: Uint8Array[] } {
  const signer = valve();
  const signed: Uint8Array[] = [];
  const sound = textPersonality();
  const personality: Personality = {
    ...sound,
    async signHead(claim) {
      await signer.pass();
      const note = await sound.signHead(claim);
      signed.push(note);
      return note;
    },
  };
  return { personality, signer, signed };
}

function stallingMark(): {
  mark: MarkStore;
  valve: ReturnType<typeof valve>;
  calls: () => number;
  fail: (error: Error) => void;
} {
  const gate = valve();
  let standing: Mark | undefined;
  let calls = 0;
  let failure: Error | undefined;
  return {
    valve: gate,
    calls: () => calls,
    fail(error) {
      failure = error;
    },
    mark: {
      read: () => Promise.resolve(standing),
      async advance(mark) {
        calls += 1;
        await gate.pass();
        if (failure !== undefined) throw failure;
        if (standing === undefined || standing.size < mark.size) standing = mark;
        return standing;
      },
    },
  };
}

async function storedNotes(): Promise<string[]> {
  const store = await logs.store();
  const rows = await store.history({ afterSize: -1, limit: 10_000 });
  return rows.flatMap(({ notes }) => notes.map((note) => Buffer.from(note).toString('latin1')));
}

test('a signer that stalls: nothing is stored, the caller is told to come again, others go on, and so does this one later', async () => {
  const { personality, signer, signed } = stallingSigner();
  const here = await logs.open({ personality, engineLimits: { ...ENDLESS, signMs: 50 } });
  const other = await logs.open();
  await here.sequencer.append(text('signed in time'));
  const { size } = here.tree.published.head;
  signer.stall();
  await assert.rejects(here.sequencer.append(text('never signed')), UNAVAILABLE);
  assert.equal((await here.store.settle({ afterSize: 0 })).head.size, size);
  // The lock was given back with the answer, not when the signer comes back.
  assert.equal((await other.sequencer.append(text('signed elsewhere'))).index, size);
  const before = signed.length;
  signer.letGo();
  await until(() => signed.length > before);
  assert.equal((await here.sequencer.append(text('never signed'))).index, size + 1);
  const stored = new Set(await storedNotes());
  const late = Buffer.from(signed[before]!).toString('latin1');
  assert.ok(!stored.has(late), 'a signature that came too late is nowhere');
  const report = await fsck({ store: await logs.store(), personality: textPersonality(), hasher });
  assert.deepEqual(report.problems, []);
});

test('a signer is not waited for as long as the database lets a silent session live', async () => {
  assert.ok(ENGINE_LIMITS.signMs <= SESSION_LIMITS.idleInTransactionMs / 2);
  const silent: Personality = { ...textPersonality(), signHead: () => new Promise(() => undefined) };
  const never = signingInTime(silent, 10);
  await assert.rejects(never.signHead({ size: 1, root: new Uint8Array(32), timestampMs: 1 }), UNAVAILABLE);
});

test('a mark that stalls: the entry is stored and not shown, nothing is piled up, and when it comes back all is shown', async () => {
  const { mark, valve: gate, calls } = stallingMark();
  const log = await logs.open({ mark, newMark: { atLeast: 0 }, engineLimits: { ...ENDLESS, markMs: 50 } });
  await log.sequencer.append(text('marked'));
  const shown = log.tree.published.head.size;
  gate.stall();
  const before = calls();
  await assert.rejects(log.sequencer.append(text('not marked')), UNAVAILABLE);
  assert.equal((await log.store.settle({ afterSize: 0 })).head.size, shown + 1);
  for (let i = 0; i < 3; i++) await assert.rejects(log.sequencer.append(text(`behind it ${i}`)), UNAVAILABLE);
  assert.equal(log.tree.published.head.size, shown, 'what the mark does not cover is not shown');
  assert.equal(calls(), before + 1, 'a mark that stalls is asked once');
  gate.letGo();
  assert.deepEqual(await log.sequencer.append(text('not marked')), { kind: 'duplicate', index: shown });
  assert.equal((await log.sequencer.append(text('behind it 0'))).index, shown + 1);
  assert.equal(log.tree.published.head.size, shown + 2);
});

test('a mark whose reading stalls is asked again only when that has ended; what it found late is told', async () => {
  const gate = valve();
  let reads = 0;
  let failure: Error | undefined;
  const told: unknown[] = [];
  const mark: MarkStore = {
    async read() {
      reads += 1;
      await gate.pass();
      if (failure !== undefined) throw failure;
      return { size: reads, root: new Uint8Array(32) };
    },
    advance: (next) => Promise.resolve(next),
  };
  const bounded = new BoundedMark(mark, { limitMs: 20, onLate: (error) => told.push(error) });
  gate.stall();
  for (let i = 0; i < 3; i++) await assert.rejects(bounded.read(), UNAVAILABLE);
  assert.equal(reads, 1);
  failure = halted('the mark was taken away');
  gate.letGo();
  await until(() => told.length > 0);
  assert.deepEqual(told, [failure]);
  failure = undefined;
  assert.equal((await bounded.read())?.size, 2, "what was read late is nobody's answer");
  assert.equal(reads, 2);
});

test('a contradiction that the mark finds after its caller was given up still halts the log', async () => {
  const { mark, valve: gate, fail } = stallingMark();
  const log = await logs.open({ mark, newMark: { atLeast: 0 }, engineLimits: { ...ENDLESS, markMs: 50 } });
  gate.stall();
  await assert.rejects(log.sequencer.append(text('marked by two')), UNAVAILABLE);
  assert.equal(log.tree.haltedBy, undefined);
  fail(halted('the mark and the log are two trees'));
  gate.letGo();
  await until(() => log.tree.haltedBy !== undefined);
  await assert.rejects(log.sequencer.append(text('after it')), { code: 'halted' });
});

test('a database lost during COMMIT: who waits, and who waits behind, is told to come again; the outcome is found when it is back', async () => {
  const way = valve();
  let lose = false;
  const wrap = (store: LogStore): LogStore => ({
    ...store,
    async begin() {
      const tx = await store.begin();
      return {
        ...tx,
        async commit() {
          await tx.commit();
          if (!lose) return;
          lose = false;
          way.stall();
          throw new StoreError('unknown', 'COMMIT was not acknowledged');
        },
      };
    },
    async settle(question) {
      await way.pass();
      return store.settle(question);
    },
  });
  const log = await logs.open({ wrap, engineLimits: { ...ENDLESS, answerMs: 300 } });
  await appendAtLast(log, 'before the loss');
  const { size } = log.tree.published.head;
  lose = true;
  const first = log.sequencer.append(text('lost during COMMIT'));
  const behind = way.stalled().then(() => log.sequencer.append(text('behind the lost one')));
  await Promise.all([first, behind].map((one) => assert.rejects(one, UNAVAILABLE)));
  await assert.rejects(log.sequencer.append(text('while it is away')), UNAVAILABLE);
  assert.throws(() => log.sequencer.checkRoom(), UNAVAILABLE);
  assert.equal(log.tree.published.head.size, size, 'what is not known is not shown');
  way.letGo();
  await until(() => log.tree.published.head.size === size + 1);
  await until(() => isOpen(log.sequencer));
  assert.deepEqual(await appendAtLast(log, 'lost during COMMIT'), { kind: 'duplicate', index: size });
  assert.equal((await appendAtLast(log, 'behind the lost one')).index, size + 1);
});

test('a head that cannot be refreshed in time is told so, and is refreshed when it can be', async () => {
  const { personality, signer } = stallingSigner();
  const log = await logs.open({ personality, engineLimits: { ...ENDLESS, answerMs: 300 } });
  await appendAtLast(log, 'something to refresh');
  signer.stall();
  await assert.rejects(log.sequencer.refreshHead(), UNAVAILABLE);
  signer.letGo();
  await until(() => isOpen(log.sequencer));
  await log.sequencer.refreshHead();
  assert.ok(log.tree.published.head.ordinal > 0);
});

/** As a client does that is told to come again: on a busy machine any batch may be late. */
async function appendAtLast(log: OpenLog, value: string): Promise<Receipt> {
  for (let tries = 1; ; tries++) {
    try {
      return await log.sequencer.append(text(value));
    } catch (error) {
      if (tries >= 100 || !(error instanceof LogError) || error.code !== 'unavailable') throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function isOpen(sequencer: { checkRoom(): void }): boolean {
  try {
    sequencer.checkRoom();
    return true;
  } catch {
    return false;
  }
}

/** Waits for a condition; the test's own time limit is the bound. */
async function until(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error('it never came to hold');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
