import assert from 'node:assert/strict';
import test from 'node:test';
import { clientFrom, downloadTarget, refreshClient } from '../src/core/client-check.ts';
import { signEnvelope } from '../src/core/envelope.ts';
import { keyIdOf, type RoleSigner, roleSigner } from '../src/core/keys.ts';
import { lintPublication } from '../src/core/lint.ts';
import type { RootSigned, SignedOf } from '../src/core/metadata.ts';
import { viewOf } from '../src/core/published.ts';
import { selfCheck } from '../src/core/self-check.ts';
import { targetFile } from '../src/core/target-files.ts';
import { type TufErrorCode } from '../src/index.ts';
import { composeInMemory, DAY_MS, type Doc, MemoryStore, newModel, newSigner, newSigners } from './support.ts';
import { NOW_MS, overlay, published, refused, signedOf } from './attack-support.ts';

test('C33, C35: an expired timestamp, snapshot, targets or final root is refused', async () => {
  const { first, second, signers } = await published();
  for (const role of ['timestamp', 'snapshot', 'targets'] as const) {
    const stale: SignedOf[typeof role] = { ...signedOf(second, role), expires: '2026-11-01T00:00:00Z' };
    const path = role === 'timestamp' ? 'timestamp.json' : `${stale.version}.${role}.json`;
    const view = overlay(viewOf(second), { [path]: await signEnvelope(stale, [signers[role]]) });
    assert.throws(() => refreshClient(clientFrom(first.roots[0]!.bytes), view, NOW_MS), refused('expired'));
  }
  assert.throws(
    () => refreshClient(clientFrom(first.roots[0]!.bytes), viewOf(second), NOW_MS + 400 * DAY_MS),
    refused('expired'),
  );
});

test('C34: lower timestamp, snapshot and targets are refused, and equal versions with other content', async () => {
  const { first, second, signers, client } = await published();
  assert.throws(() => refreshClient(client, viewOf(first), NOW_MS), refused('version_rollback'));
  const base = viewOf(second);
  const timestamp = signedOf(second, 'timestamp');
  const other = { ...timestamp, expires: '2026-11-20T00:00:00Z' };
  const sameVersion = overlay(base, { 'timestamp.json': await signEnvelope(other, [signers.timestamp]) });
  assert.throws(() => refreshClient(client, sameVersion, NOW_MS), refused('version_rollback'));
  const newer = {
    ...client,
    snapshot: { ...client.snapshot, version: 2 },
    timestamp: { ...client.timestamp, meta: { 'snapshot.json': { version: 2 } } },
  };
  const jump = { ...timestamp, version: 9 };
  const lowSnapshot = overlay(base, { 'timestamp.json': await signEnvelope(jump, [signers.timestamp]) });
  assert.throws(() => refreshClient(newer, lowSnapshot, NOW_MS), refused('version_rollback'));
  const newerTargets = { ...client, snapshot: { ...client.snapshot, meta: { 'targets.json': { version: 5 } } } };
  const snapshot = { ...signedOf(second, 'snapshot'), version: 2 };
  const lowTargets = overlay(base, {
    'timestamp.json': await signEnvelope({ ...jump, meta: { 'snapshot.json': { version: 2 } } }, [signers.timestamp]),
    '2.snapshot.json': await signEnvelope(snapshot, [signers.snapshot]),
  });
  assert.throws(() => refreshClient(newerTargets, lowTargets, NOW_MS), refused('version_rollback'));
});

test('C36: files of different publications do not mix', async () => {
  const { first, second, signers } = await published();
  const start = () => clientFrom(first.roots[0]!.bytes);
  const snapshot = { ...signedOf(second, 'snapshot'), version: 7 };
  const view = overlay(viewOf(second), { '1.snapshot.json': await signEnvelope(snapshot, [signers.snapshot]) });
  assert.throws(() => refreshClient(start(), view, NOW_MS), refused('version_unexpected'));
  const targets = { ...signedOf(second, 'targets'), version: 7 };
  const mixed = overlay(viewOf(second), { '1.targets.json': await signEnvelope(targets, [signers.targets]) });
  assert.throws(() => refreshClient(start(), mixed, NOW_MS), refused('version_unexpected'));
  assert.throws(
    () => refreshClient(start(), overlay(viewOf(second), { '1.targets.json': second.snapshot.bytes }), NOW_MS),
    refused('metadata_malformed'),
  );
});

test('C37: a changed, shortened, lengthened or missing target is refused, before and after publication', async () => {
  const { second, client } = await published();
  const blob = second.blobs.find(({ name }) => name === 'trusted_root.json')!;
  const path = `targets/${Buffer.from(blob.sha256).toString('hex')}.trusted_root.json`;
  const flipped = Buffer.from(blob.bytes);
  flipped[100]! ^= 1;
  const cases: [Uint8Array | undefined, TufErrorCode][] = [
    [flipped, 'hash_mismatch'],
    [blob.bytes.subarray(1), 'length_mismatch'],
    [Buffer.concat([blob.bytes, Buffer.from('x')]), 'length_mismatch'],
  ];
  for (const [bytes, code] of cases) {
    const view = overlay(viewOf(second), { [path]: bytes! });
    assert.throws(() => downloadTarget(client.targets, 'trusted_root.json', view), refused(code));
    const blobs = second.blobs.map((each) => (each === blob ? { ...each, bytes: bytes! } : each));
    assert.throws(() => selfCheck({ ...second, blobs }, undefined, NOW_MS), refused(code));
  }
  const blobs = second.blobs.filter((each) => each !== blob);
  assert.throws(() => selfCheck({ ...second, blobs }, undefined, NOW_MS), refused('file_missing'));
  assert.throws(() => downloadTarget(client.targets, 'other.json', viewOf(second)), refused('target_unknown'));
});

test('B21: a file that the targets role does not name is an orphan and stops the publication', async () => {
  const { second } = await published();
  const blobs = [...second.blobs, targetFile('orphan.json', Buffer.from('{}'))];
  assert.throws(() => selfCheck({ ...second, blobs }, undefined, NOW_MS), refused('lint'));
});

test('C39: too few signatures, an empty one, one that is not by the key, one key id twice: refused by verifier and lint', async () => {
  const { first, second, signers } = await published();
  const timestamp = signedOf(second, 'timestamp');
  const envelope: Doc = JSON.parse(Buffer.from(second.timestamp.bytes).toString());
  const [signature] = envelope.signatures;
  const stranger = JSON.parse(Buffer.from(await signEnvelope(timestamp, [signers.snapshot])).toString()).signatures[0];
  const spoilt = `${signature.sig.slice(0, -2)}${signature.sig.endsWith('00') ? '01' : '00'}`;
  const cases: [object[], TufErrorCode][] = [
    [[], 'signature_threshold'],
    [[{ ...signature, sig: '' }], 'signature_threshold'],
    [[{ ...signature, sig: spoilt }], 'signature_threshold'],
    [[{ ...signature, sig: 'zz' }], 'signature_threshold'],
    [[stranger], 'signature_threshold'],
    [[{ ...stranger, keyid: signature.keyid }], 'signature_threshold'],
    [[signature, signature], 'signature_repeated'],
  ];
  for (const [signatures, code] of cases) {
    const bytes = Buffer.from(JSON.stringify({ signatures, signed: envelope.signed }));
    const view = overlay(viewOf(second), { 'timestamp.json': bytes });
    assert.throws(() => refreshClient(clientFrom(first.roots[0]!.bytes), view, NOW_MS), refused(code));
    assert.throws(() => selfCheck({ ...second, timestamp: { version: 2, bytes } }, undefined, NOW_MS), refused(code));
  }
  const extra = Buffer.from(JSON.stringify({ signatures: [signature, stranger], signed: envelope.signed }));
  assert.throws(() => lintPublication({ ...second, timestamp: { version: 2, bytes: extra } }), refused('lint'));
});

/** Root 2 with these changes, signed by these keys. */
async function nextRootOf(root: RootSigned, change: Partial<RootSigned>, signers: RoleSigner[]): Promise<Uint8Array> {
  return signEnvelope<'root'>({ ...root, version: 2, ...change }, signers);
}

test('C40: root N+1 signed by the new keys only, by the old only, or root N+2: refused by clients and by the publisher itself', async () => {
  const { first, second, signers } = await published();
  const root = signedOf(second, 'root');
  const replacement = roleSigner(newSigner());
  const keys = { ...root.keys, [replacement.keyId]: replacement.key };
  delete keys[signers.root.keyId];
  const roles = { ...root.roles, root: { keyids: [replacement.keyId], threshold: 1 } };
  const cases: [Uint8Array, TufErrorCode][] = [
    [await nextRootOf(root, { keys, roles }, [replacement]), 'signature_threshold'],
    [await nextRootOf(root, { keys, roles }, [signers.root]), 'signature_threshold'],
    [await nextRootOf(root, { version: 3 }, [signers.root]), 'version_unexpected'],
    [await nextRootOf(root, { version: 1 }, [signers.root]), 'version_unexpected'],
  ];
  for (const [bytes, code] of cases) {
    const view = overlay(viewOf(second), { '2.root.json': bytes });
    assert.throws(() => refreshClient(clientFrom(first.roots[0]!.bytes), view, NOW_MS), refused(code));
    const candidate = { ...second, roots: [...second.roots, { version: 2, bytes }] };
    assert.throws(() => selfCheck(candidate, second, NOW_MS), refused(code));
  }
  const good = await nextRootOf(root, { keys, roles }, [signers.root, replacement]);
  selfCheck({ ...second, roots: [...second.roots, { version: 2, bytes: good }] }, second, NOW_MS);
});

test('C39: one key under two spellings, and so two key ids, counts once', async () => {
  const { first, second, signers } = await published();
  const root = signedOf(second, 'root');
  const bare = {
    ...signers.timestamp.key,
    keyval: { public: signers.timestamp.key.keyval.public.replaceAll('\n', '\r\n') },
  };
  const twin = { ...signers.timestamp, key: bare, keyId: keyIdOf(bare) };
  const keys = { ...root.keys, [twin.keyId]: twin.key };
  const roles = { ...root.roles, timestamp: { keyids: [signers.timestamp.keyId, twin.keyId], threshold: 2 } };
  const view = overlay(viewOf(second), {
    '2.root.json': await nextRootOf(root, { keys, roles }, [signers.root]),
    'timestamp.json': await signEnvelope({ ...signedOf(second, 'timestamp'), version: 3 }, [signers.timestamp, twin]),
  });
  assert.throws(() => refreshClient(clientFrom(first.roots[0]!.bytes), view, NOW_MS), refused('signature_threshold'));
});

test('B18: a key id that is not the hash of the key object stops the publication', async () => {
  const { second, signers } = await published();
  const root = signedOf(second, 'root');
  const stranger = roleSigner(newSigner());
  const keys = { ...root.keys, ['a'.repeat(64)]: stranger.key };
  const roles = { ...root.roles, snapshot: { keyids: [...root.roles.snapshot.keyids, 'a'.repeat(64)], threshold: 1 } };
  const bytes = await nextRootOf(root, { keys, roles }, [signers.root]);
  assert.throws(
    () => selfCheck({ ...second, roots: [...second.roots, { version: 2, bytes }] }, undefined, NOW_MS),
    refused('key_id_mismatch'),
  );
  assert.equal(keyIdOf(signers.root.key), signers.root.keyId);
});

test('C41: all keys replaced in one start, endorsed by the old root keys: clients of root 1 and of root N-1 follow', async () => {
  const [model, old, store] = [
    await newModel(),
    [newSigner(), newSigner(), newSigner()],
    new MemoryStore({ nowMs: () => NOW_MS }),
  ];
  const thresholds = { root: 2 };
  const before = await composeInMemory({ model, store, thresholds, signers: { ...newSigners(), root: old } });
  const root = signedOf(store.sets[0]!, 'root');
  assert.deepEqual(
    [root.roles.root.keyids.length, root.roles.root.threshold],
    [3, 2],
    'B18: counts and thresholds as configured',
  );
  const client = refreshClient(clientFrom(before.handle.initialRoot().bytes), viewOf(store.sets[0]!), NOW_MS);
  const fresh = [newSigner(), newSigner(), newSigner()];
  const tooFew = { ...newSigners(), root: fresh, previousRoot: [old[0]!] };
  await assert.rejects(composeInMemory({ model, store, thresholds, signers: tooFew }), refused('signature_threshold'));
  const next = { ...newSigners(), root: fresh, previousRoot: [old[0]!, old[1]!] };
  const after = await composeInMemory({ model, store, thresholds, signers: next });
  assert.deepEqual(
    Object.values(after.handle.status()).map(({ version }) => version),
    [2, 2, 2, 2],
  );
  refreshClient(client, viewOf(store.sets.at(-1)!), NOW_MS);
  refreshClient(clientFrom(before.handle.initialRoot().bytes), viewOf(store.sets.at(-1)!), NOW_MS);
  assert.equal(
    after.handle.initialRoot().sha256hex,
    before.handle.initialRoot().sha256hex,
    'the first root never changes',
  );
  assert.notEqual(after.handle.rootJson().sha256hex, after.handle.initialRoot().sha256hex);
  const third = await composeInMemory({ model, store, thresholds, signers: next });
  assert.equal(third.handle.status().root.version, 2, 'nothing changes when nothing changed');
});

test('keys that TUF clients cannot read, repeated keys and impossible thresholds are refused', async () => {
  const { generatePrivateKeyPem, signerFromPem } = await import('@sigstead/keys');
  const p384 = signerFromPem(generatePrivateKeyPem('ecdsa-p384-sha384'));
  await assert.rejects(composeInMemory({ signers: { ...newSigners(), timestamp: p384 } }), refused('key_unsupported'));
  const one = newSigner();
  await assert.rejects(
    composeInMemory({ signers: { ...newSigners(), root: [one, one] } }),
    refused('threshold_impossible'),
  );
  await assert.rejects(composeInMemory({ thresholds: { root: 2 } }), refused('threshold_impossible'));
});

test('periods under which something could expire are refused', async () => {
  const timestamp = { lifetimeMs: 7 * DAY_MS, renewAfterMs: 4 * DAY_MS };
  await assert.rejects(composeInMemory({ periods: { timestamp } }), refused('period_invalid'));
});
