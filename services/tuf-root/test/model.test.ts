import assert from 'node:assert/strict';
import test from 'node:test';
import type { TrustModel } from '@sigstead/formats';
import { decodeModel, encodeModel } from '../src/core/model-codec.ts';
import { TufError, type TufErrorCode } from '../src/index.ts';
import { composeInMemory, DAY_MS, type Doc, listen, newCa, newModel, newSigner, newTsa, START_MS } from './support.ts';

const refused = (code: TufErrorCode) => (error: unknown) => error instanceof TufError && error.code === code;
const LISTS = ['certificateAuthorities', 'tlogs', 'ctlogs', 'timestampAuthorities'] as const;

test('A13, I8: no entry of the published trust material can be removed or start later, at an update or at a restart', async () => {
  const model = await newModel();
  const { handle, store, clock } = await composeInMemory({ model });
  for (const field of LISTS) {
    const without: TrustModel = { ...model, [field]: [] };
    await assert.rejects(handle.updateModel(without), refused('entry_removed'), field);
    await assert.rejects(composeInMemory({ model: without, store, clock }), refused('entry_removed'), field);
    const later: TrustModel = {
      ...model,
      [field]: model[field].map((entry) => ({ ...entry, validFor: { startMs: START_MS + 1 } })),
    };
    await assert.rejects(handle.updateModel(later), refused('entry_start_later'), field);
    const swapped: TrustModel = { ...model, [field]: (await newModel())[field] };
    await assert.rejects(handle.updateModel(swapped), refused('entry_removed'), field);
  }
  assert.equal(store.sets.length, 1);
});

test('A11, A12: rotation of CA, CT log, TSA: old windows close, new entries come, both stay published', async () => {
  const model = await newModel();
  const { handle, store, clock } = await composeInMemory({ model });
  clock.set(START_MS + 2 * DAY_MS);
  const close = <T extends { validFor: { startMs: number } }>(entries: readonly T[]) =>
    entries.map((entry) => ({ ...entry, validFor: { ...entry.validFor, endMs: START_MS + 3 * DAY_MS } }));
  const validFor = { startMs: START_MS + 2 * DAY_MS };
  const rotated: TrustModel = {
    ...model,
    certificateAuthorities: [
      ...close(model.certificateAuthorities),
      { ...model.certificateAuthorities[0]!, chain: await newCa(), validFor },
    ],
    ctlogs: [...close(model.ctlogs), { ...model.ctlogs[0]!, spki: newSigner().spki, validFor }],
    timestampAuthorities: [
      ...close(model.timestampAuthorities),
      { ...model.timestampAuthorities[0]!, chain: await newTsa(), validFor },
    ],
  };
  await handle.updateModel(rotated);
  const { trustedRoot } = handle.clientTrustConfig();
  for (const list of [trustedRoot.certificateAuthorities, trustedRoot.timestampAuthorities]) {
    assert.deepEqual(
      list.map((entry) => [entry.validFor.start, entry.validFor.end]),
      [
        ['2026-11-01T00:00:00Z', '2026-11-04T00:00:00Z'],
        ['2026-11-03T00:00:00Z', undefined],
      ],
    );
  }
  const targets: Doc = JSON.parse(Buffer.from(store.sets.at(-1)!.targets.bytes).toString()).signed.targets;
  for (const name of [
    'fulcio_v1.crt.pem',
    'fulcio_intermediate_v1.crt.pem',
    'fulcio_v2.crt.pem',
    'ctfe.pub',
    'ctfe_2.pub',
  ])
    assert.ok(targets[name], name);
  const leaf = store.sets.at(-1)!.blobs.find(({ name }) => name === 'tsa_leaf.crt.pem')!;
  const before = store.sets[0]!.blobs.find(({ name }) => name === 'tsa_leaf.crt.pem')!;
  assert.notDeepEqual(leaf.bytes, before.bytes, 'old clients take one TSA leaf: the newest');
});

test('another port changes every URL and raises versions; another host name of a Rekor v2 log is refused', async () => {
  const model = await newModel('http://localhost:8080');
  const { handle, store } = await composeInMemory({ model });
  const moved = decodeModel(
    Buffer.from(Buffer.from(encodeModel(model)).toString().replaceAll('localhost:8080', 'localhost:9090')),
  );
  assert.deepEqual((await handle.updateModel(moved)).renewed, ['targets', 'snapshot', 'timestamp']);
  const published = store.sets
    .at(-1)!
    .blobs.map(({ name, bytes }) => `${name} ${Buffer.from(bytes).toString()}`)
    .join();
  assert.doesNotMatch(published, /8080/);
  assert.doesNotMatch(Buffer.from(store.sets.at(-1)!.targets.bytes).toString(), /8080/);
  const away = decodeModel(
    Buffer.from(Buffer.from(encodeModel(moved)).toString().replaceAll('localhost:9090', 'sign.example.org')),
  );
  await assert.rejects(handle.updateModel(away), refused('origin_changed'));
});

test('one anchor of two generations is one legacy file, Active while one of them is', async () => {
  const model = await newModel();
  const [intermediate, root] = model.certificateAuthorities[0]!.chain;
  const two: TrustModel = {
    ...model,
    certificateAuthorities: [
      {
        ...model.certificateAuthorities[0]!,
        chain: [root!],
        validFor: { startMs: START_MS - DAY_MS, endMs: START_MS },
      },
      { ...model.certificateAuthorities[0]!, chain: [intermediate!, root!] },
    ],
  };
  const { store } = await composeInMemory({ model: two });
  const targets: Doc = JSON.parse(Buffer.from(store.sets[0]!.targets.bytes).toString()).signed.targets;
  const fulcio = Object.keys(targets).filter((name) => name.startsWith('fulcio'));
  assert.deepEqual(fulcio, ['fulcio_intermediate_v2.crt.pem', 'fulcio_v1.crt.pem']);
  assert.equal(targets['fulcio_v1.crt.pem'].custom.sigstore.status, 'Active');
});

test('an Ed25519 log is in the trusted root, but not among the legacy keys that old clients would stop at', async () => {
  const { generatePrivateKeyPem, signerFromPem } = await import('@sigstead/keys');
  const model = await newModel();
  const spki = signerFromPem(generatePrivateKeyPem('ed25519')).spki;
  const log = {
    kind: 'rekor-v2' as const,
    baseUrl: 'https://log2.example.org',
    spki,
    validFor: { startMs: START_MS + 1 },
  };
  const { store, handle } = await composeInMemory({ model: { ...model, tlogs: [...model.tlogs, log] } });
  assert.equal(handle.clientTrustConfig().trustedRoot.tlogs.length, 2);
  assert.deepEqual(
    store.sets[0]!.blobs.filter(({ name }) => name.startsWith('rekor')).map(({ name }) => name),
    ['rekor.pub'],
  );
});

test('the stored model is read back as it was; anything else is refused', async () => {
  const model = await newModel();
  const bytes = encodeModel(model);
  assert.deepEqual(Buffer.from(encodeModel(decodeModel(bytes))), bytes);
  for (const bad of [
    '',
    '{}',
    '[]',
    'null',
    `${Buffer.from(bytes).toString()} `,
    Buffer.from(bytes).toString().replace('"tlogs"', '"logs"'),
  ]) {
    assert.throws(() => decodeModel(Buffer.from(bad)), refused('model_malformed'));
  }
});

test('internal URLs stop the start where they are refused, and are logged where they are not', async () => {
  const { createLogger } = await import('@sigstead/platform');
  const lines: string[] = [];
  const logger = createLogger({ service: 'tuf', level: 'info', stream: { write: (line) => lines.push(line) } });
  await assert.rejects(composeInMemory({ internalUrls: 'refuse' }), { code: 'url_internal' });
  await composeInMemory({ internalUrls: 'warn', logger });
  assert.match(lines.join(''), /url_internal/);
});

test('metrics tell version and expiry of each role', async () => {
  const { metrics, handle } = await composeInMemory();
  const text = await metrics.text();
  for (const [role, { version, expiresMs }] of Object.entries(handle.status())) {
    assert.ok(text.includes(`sigstead_tuf_version{role="${role}"} ${version}\n`), role);
    assert.ok(text.includes(`sigstead_tuf_expiry_timestamp_seconds{role="${role}"} ${expiresMs / 1000}\n`), role);
  }
});

test('two processes over one store: a client that was served by the first never meets an older timestamp at the second', async (t) => {
  const [model, signers] = [await newModel(), (await import('./support.ts')).newSigners()];
  const first = await composeInMemory({ model, signers });
  const second = await composeInMemory({ model, signers, store: first.store, clock: first.clock });
  const { url, server } = await listen(second.handle);
  t.after(() => server.close());
  first.clock.set(START_MS + 3 * DAY_MS);
  await first.handle.renewNow();
  const seen: Doc = await (await fetch(`${url}/timestamp.json`)).json();
  assert.equal(seen.signed.version, 2);
});

test('a flood for roots that do not exist asks the store once for all who wait', async (t) => {
  const { handle, store } = await composeInMemory();
  let questions = 0;
  const answer = store.newestSequence.bind(store);
  store.newestSequence = async () => {
    questions += 1;
    await new Promise((resolve) => setImmediate(resolve));
    return answer();
  };
  store.metadata = () => Promise.reject(new Error('no look-up for what cannot be there'));
  const { ServedFiles } = await import('../src/http/served-files.ts');
  const { PublishedView } = await import('../src/core/published-view.ts');
  const { silentLogger } = await import('@sigstead/platform');
  const view = new PublishedView(() => undefined);
  await view.refresh(() => store.load());
  const files = new ServedFiles({ view, store, logger: silentLogger });
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, index) => files.metadata('root', index + 2)));
  assert.ok(answers.every((bytes) => bytes === undefined));
  assert.equal(questions, 1);
  t.after(() => handle.close());
});
