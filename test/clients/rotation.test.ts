import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { parseSignedCheckpoint } from '@sigstead/formats';
import { onlyEntry, type Sample } from './bundle.ts';
import { needs } from './environment.ts';
import { send } from './local-server.ts';
import { startRotatingSite } from './rotating-site.ts';
import { clientsFor } from './signers.ts';
import { cosign, goVerify, sigstorePython } from './tools.ts';
import { workbenchFor } from './workbench.ts';

const site = await startRotatingSite();
after(() => site.close());
const bench = await workbenchFor(site);
const { signers, verifiers } = await clientsFor(bench);
/** What was signed so far, by the shard that it is in. */
const samples = { old: new Array<Sample>(), new: new Array<Sample>() };
const port = Number(new URL(site.url).port);
const NEW_URL = `http://127.0.0.1:${port}/rekor-2`;

/** Everybody signs once, one after the other: the last is the newest entry of its log. */
async function signAll(when: string): Promise<Sample[]> {
  const made: Sample[] = [];
  for (const signer of signers) made.push(await signer.message(Buffer.from(`signed by ${signer.name} ${when}\n`)));
  return made;
}

function checkpointOf({ bundle }: Sample) {
  return parseSignedCheckpoint(onlyEntry(bundle).inclusionProof.checkpoint.envelope);
}

/** Every client verifies everything that was ever signed, with the trust material of now. */
async function verifyAll(): Promise<void> {
  const all = [...samples.old, ...samples.new];
  await Promise.all(
    verifiers.map(async (verifier) => {
      for (const sample of all) {
        // sigstore-python takes only in-toto statements v1, cosign 3.1.3 writes v0.1: the instance has no part in it.
        if (verifier.name === 'sigstore-python' && sample.name === "cosign's statement") continue;
        await verifier.verify(sample).catch((error: unknown) => {
          throw new Error(`${verifier.name} does not take ${sample.name}`, { cause: error });
        });
      }
    }),
  );
}

const origins = (of: readonly Sample[]): string[] => [
  ...new Set(of.map((sample) => checkpointOf(sample).checkpoint.origin)),
];
const get = async (path: string): Promise<string> => (await send(port, { method: 'GET', path })).body.toString('utf8');

describe('F 68: a rotation as the clients see it', { timeout: 280_000 }, () => {
  test('before it: checkpoints with two signatures of the log are taken by every client', async () => {
    for (const signer of signers) samples.old.push(await signer.statement(Buffer.from('before\n')));
    samples.old.push(...(await signAll('before')));
    for (const sample of samples.old) {
      const { note } = checkpointOf(sample);
      assert.deepEqual(
        note.signatures.map(({ name }) => name),
        ['localhost', 'localhost'],
      );
    }
    await verifyAll();
  });

  test('after publish: the new key is known, and everybody signs to the old shard still', async () => {
    await site.rotate('--step', 'prepare', '--to', 'rekor-2', '--url', NEW_URL, '--write');
    await site.rotate('--step', 'create');
    await site.restart();
    await site.rotate('--step', 'publish');
    samples.old.push(...(await signAll('after publish')));
    assert.deepEqual(origins(samples.old), ['localhost']);
    await verifyAll();
  });

  test('after switch: everybody signs to the new shard, below its base path, and verifies old and new', async () => {
    await site.rotate('--step', 'switch', '--wait', '0');
    samples.new.push(...(await signAll('after switch')));
    assert.deepEqual(origins(samples.new), ['127.0.0.1']);
    await verifyAll();
  });

  test('after freeze: the last note of the old shard says so, keeps size and root, and proves its entries to every client', async () => {
    await site.rotate('--step', 'freeze', '--wait', '0', '--confirm', 'rekor');
    const last = samples.old.at(-1) ?? assert.fail();
    const before = checkpointOf(last).checkpoint;
    const envelope = await get('/checkpoint');
    const { checkpoint } = parseSignedCheckpoint(envelope);
    assert.match(checkpoint.extensions[0] ?? '', /^Log frozen — /);
    assert.deepEqual([checkpoint.size, checkpoint.root], [before.size, before.root]);
    const bundle = structuredClone(last.bundle);
    onlyEntry(bundle).inclusionProof.checkpoint.envelope = envelope;
    samples.old.push({ ...last, name: 'an entry under the last note', bundle });
    await verifyAll();
  });

  test('the old shard takes nothing and serves its tiles; the new one goes on, with its own indexes', async () => {
    const refused = await send(port, { method: 'POST', path: '/api/v2/log/entries' });
    assert.deepEqual(
      [refused.status, refused.body.toString()],
      [405, 'This log has been frozen, please switch to the latest log.\n'],
    );
    const { size } = parseSignedCheckpoint(await get('/checkpoint')).checkpoint;
    assert.equal((await send(port, { method: 'GET', path: `/tile/entries/000.p/${size}` })).status, 200);
    samples.new.push(...(await signAll('after freeze')));
    assert.deepEqual(origins(samples.new), ['127.0.0.1']);
    const sizes = samples.new.map((sample) => checkpointOf(sample).checkpoint.size);
    assert.deepEqual(
      sizes,
      samples.new.map((_, i) => i + 2),
      'its first entry is its own, then those of the clients',
    );
    await site.restart();
    await verifyAll();
  });

  for (const tool of [cosign, sigstorePython, goVerify]) {
    const { skip } = needs(tool);
    if (skip !== false) test(`${tool.name} takes part`, { skip });
  }
});
