import assert from 'node:assert/strict';
import test from 'node:test';
import type { TrustModel } from '@sigstead/formats';
import { createMetrics, silentLogger } from '@sigstead/platform';
import { testDatabase } from '@sigstead/test';
import { composeTufRoot, publishedModels } from '../src/index.ts';
import {
  composeInMemory,
  ManualClock,
  MemoryStore,
  never,
  newModel,
  newSigner,
  newSigners,
  START_MS,
} from './support.ts';

function withLog(model: TrustModel, host: string): TrustModel {
  const log = {
    kind: 'rekor-v2' as const,
    baseUrl: `https://${host}`,
    spki: newSigner().spki,
    validFor: { startMs: START_MS },
  };
  return { ...model, tlogs: [...model.tlogs, log] };
}

test('a model may be derived from what is published: from nothing at first, then from the last publication', async () => {
  const model = await newModel();
  const seen: (string | undefined)[] = [];
  const derive = (published: TrustModel | undefined): TrustModel => {
    seen.push(published?.tlogs.map(({ baseUrl }) => baseUrl).join());
    return published ?? model;
  };
  const signers = newSigners();
  const { store, clock } = await composeInMemory({ model: derive, signers });
  assert.deepEqual(seen, [undefined]);
  await composeInMemory({ model: derive, signers, store, clock });
  assert.equal(store.sets.length, 1, 'what is published already is not published again');
  assert.deepEqual(seen, [undefined, 'http://localhost:8080']);
});

test('a publisher that was overtaken derives its model again, from what the other one published', async () => {
  const clock = new ManualClock(START_MS + 1000);
  const store = new MemoryStore(clock);
  const signers = newSigners();
  const { handle: one } = await composeInMemory({ model: await newModel(), signers, store, clock });
  const { handle: two } = await composeInMemory({
    model: (published) => published ?? assert.fail(),
    signers,
    store,
    clock,
  });
  const load = store.load.bind(store);
  let overtaken = false;
  store.load = async () => {
    const set = await load();
    // The other one publishes between the look and the publication.
    if (!overtaken) {
      overtaken = true;
      await one.updateModel((published) => withLog(published ?? assert.fail(), 'one.example.org'));
    }
    return set;
  };
  let derived = 0;
  await two.updateModel((published) => {
    derived += 1;
    return withLog(published ?? assert.fail(), 'two.example.org');
  });
  assert.equal(derived, 2);
  const hosts = two.clientTrustConfig().trustedRoot.tlogs.map(({ baseUrl }) => new URL(baseUrl).hostname);
  assert.deepEqual(hosts, ['localhost', 'one.example.org', 'two.example.org']);
});

test('a derivation that refuses publishes nothing, and what was published stays', async () => {
  const { handle, store } = await composeInMemory();
  await assert.rejects(
    handle.updateModel(() => {
      throw new Error('not this one');
    }),
    /not this one/,
  );
  assert.equal(store.sets.length, 1);
});

test('the history has each model once for each time that it came into force, renewals of metadata left out', async (t) => {
  const database = await testDatabase();
  t.after(() => database.drop());
  const clock = new ManualClock(START_MS + 1000);
  const first = await newModel();
  const second = withLog(first, 'two.example.org');
  const third = { ...second, operator: 'other.example.org' };
  const history = () => publishedModels({ connectionString: database.connectionString, logger: silentLogger });
  const handle = await composeTufRoot({
    connection: { connectionString: database.connectionString },
    logger: silentLogger,
    metrics: createMetrics(),
    clock,
    model: first,
    signers: newSigners(),
    internalUrls: 'allow',
    scheduler: never,
  });
  t.after(() => handle.close());
  const came: number[] = [clock.nowMs()];
  for (const model of [second, third, second]) {
    clock.set(clock.nowMs() + 2 * 86_400_000);
    // The timestamp is due by now.
    await handle.renewNow();
    clock.set(clock.nowMs() + 1000);
    came.push(clock.nowMs());
    await handle.updateModel(model);
  }
  const found = await history();
  assert.deepEqual(
    found.map(({ publishedAtMs }) => publishedAtMs),
    came,
  );
  assert.deepEqual(
    found.map(({ model }) => [model.tlogs.length, model.operator]),
    [
      [1, first.operator],
      [2, first.operator],
      [2, 'other.example.org'],
      [2, first.operator],
    ],
  );
});
