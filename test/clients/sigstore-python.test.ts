import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isThere } from './cache.ts';
import { needs } from './environment.ts';
import { describeRefusals } from './refusals.ts';
import { sigstorePythonFor } from './sigstore-python.ts';
import { sigstorePython } from './tools.ts';
import { sharedWorkbench } from './workbench.ts';

const { skip } = needs(sigstorePython);

if (skip !== false) describe('sigstore-python', { skip }, () => test('signs and verifies'));
else await suite();

async function suite(): Promise<void> {
  const bench = await sharedWorkbench();
  const other = await sharedWorkbench();
  const client = await sigstorePythonFor(bench.instance.url, bench.js.rootPath);
  const stranger = await sigstorePythonFor(other.instance.url, other.js.rootPath);
  const artifact = Buffer.from('signed by sigstore-python\n');
  const blob = await bench.sample('sigstore-python blob', await client.sign(artifact, bench.token), artifact);
  const statement = await bench.sample(
    'sigstore-python statement',
    await client.attest(artifact, bench.token),
    artifact,
  );

  test('trust-instance, sign, attest and verify, with what sigstead prints', async () => {
    await client.verify(blob);
    await client.verify(statement);
    assert.ok(blob.bundle.messageSignature !== undefined && statement.bundle.dsseEnvelope !== undefined);
    for (const own of ['.local/share/sigstore-python', '.cache/sigstore-python']) {
      assert.equal(await isThere(join(client.home, own)), false, "the user's own trust is not touched");
    }
  });

  const clients = { verifier: client, stranger };
  describeRefusals('sigstore-python, blob', { ...clients, sample: blob });
  describeRefusals('sigstore-python, statement', { ...clients, sample: statement });
}
