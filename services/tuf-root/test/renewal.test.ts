import assert from 'node:assert/strict';
import test from 'node:test';
import { clientFrom, type ClientState, refreshClient } from '../src/core/client-check.ts';
import { ROLES } from '../src/core/metadata.ts';
import { viewOf } from '../src/core/published.ts';
import { TufError } from '../src/index.ts';
import {
  composeInMemory,
  DAY_MS,
  ManualClock,
  ManualScheduler,
  MemoryStore,
  newModel,
  newSigner,
  newSigners,
  START_MS,
} from './support.ts';

/** Lets a renewal that a timer began come to its end. */
async function settle(scheduler: ManualScheduler): Promise<void> {
  while (scheduler.nextMs === undefined) await new Promise((resolve) => setImmediate(resolve));
}

test('B24, I8: over 400 days every role is renewed before half of its life, versions only rise, and a client never meets an expired file', async () => {
  const clock = new ManualClock(START_MS + 1234);
  const scheduler = new ManualScheduler(clock);
  const { handle, store } = await composeInMemory({ clock, scheduler, lookEveryMs: DAY_MS / 2 });
  let client: ClientState = clientFrom(handle.initialRoot().bytes);
  let before = handle.status();
  const lifetimes = { root: 365, targets: 365, snapshot: 30, timestamp: 7 } as const;
  const end = clock.nowMs() + 400 * DAY_MS;
  for (let wakes = 0; clock.nowMs() < end; wakes += 1) {
    assert.ok(wakes < 20_000, 'wakes up too often');
    clock.set(scheduler.nextMs!);
    scheduler.fire();
    await settle(scheduler);
    const now = handle.status();
    for (const role of ROLES) {
      assert.ok(now[role].version >= before[role].version, `${role} went back`);
      assert.ok(now[role].version <= before[role].version + 1, `${role} skipped a version`);
      assert.ok(
        now[role].expiresMs - clock.nowMs() >= (lifetimes[role] * DAY_MS) / 2,
        `${role} is past half of its life`,
      );
    }
    if (now.timestamp.version !== before.timestamp.version)
      client = refreshClient(client, viewOf(store.sets.at(-1)!), clock.nowMs());
    before = now;
  }
  assert.deepEqual(
    ROLES.map((role) => before[role].version),
    [3, 3, 41, 401],
  );
  refreshClient(clientFrom(handle.initialRoot().bytes), viewOf(store.sets.at(-1)!), clock.nowMs());
});

test('B25: while the signer is down, the last good state stays served; log, metric and readiness tell; it recovers by itself', async () => {
  const clock = new ManualClock(START_MS + DAY_MS);
  const scheduler = new ManualScheduler(clock);
  const signers = newSigners();
  let down = false;
  const timestamp = {
    ...signers.timestamp,
    sign: (message: Uint8Array) =>
      down ? Promise.reject(new Error('KMS is out of reach')) : signers.timestamp.sign(message),
  };
  const lines: string[] = [];
  const { createLogger } = await import('@sigstead/platform');
  const logger = createLogger({ service: 'tuf', level: 'info', stream: { write: (line) => lines.push(line) } });
  const { handle, metrics, store } = await composeInMemory({
    clock,
    scheduler,
    logger,
    signers: { ...signers, timestamp },
  });
  const good = handle.status();
  down = true;
  clock.set(clock.nowMs() + 2 * DAY_MS);
  await handle.renewNow();
  assert.deepEqual(handle.status(), good);
  assert.equal(store.sets.length, 1);
  const ready = await handle.ready();
  assert.equal(ready.ok, true, 'what is served is still good');
  assert.match(ready.detail ?? '', /renewal fails/);
  assert.match(lines.join(''), /"level":"error".*renewal of the trust root failed/);
  const text = await metrics.text();
  assert.match(text, /sigstead_tuf_renewal_failing 1/);
  assert.match(text, /sigstead_tuf_publish_failures_total 1/);
  assert.equal(scheduler.nextMs! - clock.nowMs(), 30_000, 'tried again soon');
  clock.set(clock.nowMs() + 6 * DAY_MS);
  assert.deepEqual(await handle.ready(), { ok: false, detail: 'expired: timestamp' });
  down = false;
  scheduler.fire();
  await settle(scheduler);
  assert.deepEqual(await handle.ready(), { ok: true });
  assert.match(await metrics.text(), /sigstead_tuf_renewal_failing 0/);
});

test('a store that is out of reach: renewal fails, what is in memory stays served', async (t) => {
  const clock = new ManualClock(START_MS + DAY_MS);
  let down = false;
  class Flaky extends MemoryStore {
    override load() {
      return down ? Promise.reject(new Error('connection refused')) : super.load();
    }
    override newestSequence() {
      return down ? Promise.reject(new Error('connection refused')) : super.newestSequence();
    }
    override metadata(...args: Parameters<MemoryStore['metadata']>) {
      return down ? Promise.reject(new Error('connection refused')) : super.metadata(...args);
    }
  }
  const { listen } = await import('./support.ts');
  const { handle } = await composeInMemory({ clock, store: new Flaky(clock) });
  const { url, server } = await listen(handle);
  t.after(() => server.close());
  down = true;
  for (const [path, status] of [
    ['timestamp.json', 200],
    ['1.root.json', 200],
    ['1.snapshot.json', 200],
    ['2.root.json', 404],
    ['9.targets.json', 404],
  ] as const) {
    assert.equal((await fetch(`${url}/${path}`)).status, status, path);
  }
  await handle.renewNow();
  assert.match((await handle.ready()).detail ?? '', /renewal fails/);
});

test('C48: without root and targets keys on the machine it renews snapshot and timestamp, and can sign nothing else', async () => {
  const [model, all, clock] = [await newModel(), newSigners(), new ManualClock(START_MS + DAY_MS)];
  const store = new MemoryStore(clock);
  await composeInMemory({ model, signers: all, store, clock });
  const online = { snapshot: all.snapshot, timestamp: all.timestamp };
  const { handle, metrics } = await composeInMemory({ model, signers: online, store, clock });
  clock.set(clock.nowMs() + 11 * DAY_MS);
  // The timestamp of the offline time has expired, but nothing keeps the online keys from renewing it.
  await handle.renewNow();
  const { root, targets, snapshot, timestamp } = handle.status();
  assert.deepEqual([root.version, targets.version, snapshot.version, timestamp.version], [1, 1, 2, 2]);
  const changed = await newModel();
  const wider = { ...model, ctlogs: [...model.ctlogs, ...changed.ctlogs] };
  await assert.rejects(
    handle.updateModel(wider),
    (error) => error instanceof TufError && error.code === 'targets_signer_missing',
  );
  clock.set(START_MS + 190 * DAY_MS);
  await handle.renewNow();
  assert.deepEqual([handle.status().root.version, handle.status().targets.version], [1, 1]);
  const text = await metrics.text();
  assert.match(text, /sigstead_tuf_signer_missing\{role="root"\} 1/);
  assert.match(text, /sigstead_tuf_signer_missing\{role="targets"\} 1/);
  assert.ok(handle.status().root.expiresMs - clock.nowMs() > 30 * DAY_MS, 'told at least 30 days ahead');
});

test('a new repository wants all signers; an online key that the root does not name is refused', async () => {
  const [model, all, clock] = [await newModel(), newSigners(), new ManualClock(START_MS + DAY_MS)];
  const coded = (code: string) => (error: unknown) => error instanceof TufError && error.code === code;
  const { root: _root, ...withoutRoot } = all;
  await assert.rejects(composeInMemory({ model, signers: withoutRoot, clock }), coded('root_signer_missing'));
  const store = new MemoryStore(clock);
  await composeInMemory({ model, signers: all, store, clock });
  const other = { snapshot: all.snapshot, timestamp: newSigner() };
  await assert.rejects(composeInMemory({ model, signers: other, store, clock }), coded('signer_not_in_root'));
  await assert.rejects(composeInMemory({ model, signers: newSigners(), store, clock }), coded('signature_threshold'));
  assert.equal(store.sets.length, 1);
});

test('C46: a clock that was set back does not take back what was published; a difference to the database is told', async () => {
  const clock = new ManualClock(START_MS + 10 * DAY_MS);
  const databaseClock = new ManualClock(START_MS + 9 * DAY_MS);
  const store = new MemoryStore(databaseClock);
  const { createLogger } = await import('@sigstead/platform');
  const lines: string[] = [];
  const logger = createLogger({ service: 'tuf', level: 'info', stream: { write: (line) => lines.push(line) } });
  const [model, signers] = [await newModel(), newSigners()];
  const { handle, metrics } = await composeInMemory({ clock, store, model, signers, logger });
  assert.match(await metrics.text(), /sigstead_tuf_clock_skew_seconds 86400/);
  assert.match(lines.join(''), /clock and the database's differ/);
  const ahead = handle.status();
  clock.set(START_MS + 9 * DAY_MS);
  const moved = {
    ...model,
    signing: { ...model.signing, oidc: [{ ...model.signing.oidc[0]!, url: 'http://localhost:8080/other' }] },
  };
  await handle.updateModel(moved);
  assert.equal(handle.status().timestamp.version, ahead.timestamp.version + 1);
  assert.ok(handle.status().timestamp.expiresMs >= ahead.timestamp.expiresMs);
  const [, second] = store.sets;
  assert.equal(second?.publishedAtMs, START_MS + 10 * DAY_MS);
});

test('a model that time has made impossible does not stop the renewal of its metadata, and is told', async () => {
  const model = await newModel();
  const endMs = START_MS + 3 * DAY_MS;
  const ending = {
    ...model,
    signing: { ...model.signing, ca: [{ ...model.signing.ca[0]!, validFor: { startMs: START_MS, endMs } }] },
  };
  const { handle, clock } = await composeInMemory({ model: ending });
  clock.set(START_MS + 5 * DAY_MS);
  await handle.renewNow();
  assert.equal(handle.status().timestamp.version, 2);
  assert.equal(handle.status().targets.version, 1);
  assert.match((await handle.ready()).detail ?? '', /service_missing/);
});

test('a window that ends changes the legacy status by itself', async () => {
  const model = await newModel();
  const endMs = START_MS + 3 * DAY_MS;
  const other = await newModel();
  const two = {
    ...model,
    ctlogs: [
      { ...model.ctlogs[0]!, validFor: { startMs: START_MS, endMs } },
      ...other.ctlogs.map((log) => ({ ...log, baseUrl: `${log.baseUrl}-2` })),
    ],
  };
  const { handle, clock, store } = await composeInMemory({ model: two });
  const status = () => {
    const targets = JSON.parse(Buffer.from(store.sets.at(-1)!.targets.bytes).toString()).signed.targets;
    return [targets['ctfe.pub'].custom.sigstore.status, targets['ctfe_2.pub'].custom.sigstore.status];
  };
  assert.deepEqual(status(), ['Active', 'Active']);
  clock.set(START_MS + 4 * DAY_MS);
  await handle.renewNow();
  assert.deepEqual(status(), ['Expired', 'Active']);
});

test('a window that ends by itself stops no start without the targets key; what is left to sign is told', async () => {
  const [plain, all, clock] = [await newModel(), newSigners(), new ManualClock(START_MS + DAY_MS)];
  const ended = { ...(await newModel()).ctlogs[0]!, validFor: { startMs: START_MS, endMs: START_MS + 2 * DAY_MS } };
  const model = { ...plain, ctlogs: [...plain.ctlogs, ended] };
  const store = new MemoryStore(clock);
  await composeInMemory({ model, signers: all, store, clock });
  clock.set(START_MS + 3 * DAY_MS);
  const online = { snapshot: all.snapshot, timestamp: all.timestamp };
  const { handle } = await composeInMemory({ model, signers: online, store, clock });
  assert.equal(handle.status().targets.version, 1);
  assert.match((await handle.ready()).detail ?? '', /targets_signer_missing/);
  const { handle: whole } = await composeInMemory({ model, signers: all, store, clock });
  assert.equal(whole.status().targets.version, 2, 'Expired in the target of the log');
});

test('the end of a Rekor v2 log needs no signature but that of its publication', async () => {
  const [plain, all, clock] = [await newModel(), newSigners(), new ManualClock(START_MS + DAY_MS)];
  const ended = {
    ...(await newModel('https://log1.example.org')).tlogs[0]!,
    validFor: { startMs: START_MS, endMs: START_MS + 2 * DAY_MS },
  };
  const model = { ...plain, tlogs: [...plain.tlogs, ended] };
  const store = new MemoryStore(clock);
  await composeInMemory({ model, signers: all, store, clock });
  clock.set(START_MS + 3 * DAY_MS);
  const { handle } = await composeInMemory({ model, signers: all, store, clock });
  assert.equal(handle.status().targets.version, 1);
  assert.deepEqual(await handle.ready(), { ok: true });
});
