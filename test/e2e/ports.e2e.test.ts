import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { statementAbout } from '../clients/statement.ts';
import { type Instance, startInstance } from '../instance/index.ts';
import { freePort } from '../support/index.ts';
import { testFolder } from './support/folders.ts';
import { getJson } from './support/http.ts';
import { RekorReader } from './support/rekor-reader.ts';
import { SigstoreJs } from './support/sigstore-js.ts';
import { tufState } from './support/tuf-reader.ts';

const EMAIL = 'mover@example.com';
const ARTIFACT = Buffer.from('signed before the move\n');

const folder = await testFolder();
let running: Instance | undefined;
after(async () => {
  await running?.stop();
});

test('I8 another port on the same data: every URL anew, higher TUF versions, and old bundles still verify', async () => {
  const dataDir = join(folder, 'data');
  const old = await startInstance({ dataDir });
  running = old;
  const token = await old.token({ email: EMAIL });
  const oldClient = await SigstoreJs.of(old, folder);
  const message = await oldClient.signMessage(ARTIFACT, token);
  const envelope = await oldClient.attest(statementAbout(ARTIFACT), token);
  const before = await tufState(old.url);
  await old.stop();

  const moved = await startInstance({ dataDir, port: await freePort() });
  running = moved;
  assert.notEqual(moved.url, old.url);
  assert.equal(moved.ready.tufRootSha256, old.ready.tufRootSha256, 'the initial root is another one');
  const now = await tufState(moved.url);
  for (const role of ['timestamp', 'snapshot', 'targets'] as const) {
    assert.ok(now[role].version > before[role].version, `${role} is at ${now[role].version} as before`);
  }
  assert.ok(now.root.version >= before.root.version);

  const client = await SigstoreJs.of(moved, folder);
  // The certificates name the issuer as it was called when they were made.
  const signer = { email: EMAIL, issuer: `${old.url}/oidc` };
  await client.verify(message, signer, ARTIFACT);
  await client.verify(envelope, signer);
  const next = await client.signMessage(ARTIFACT, await moved.token({ email: EMAIL }));
  await client.verify(next, { email: EMAIL, issuer: `${moved.url}/oidc` }, ARTIFACT);
  assert.equal(next.verificationMaterial.tlogEntries[0]?.logIndex, '3', 'the log does not go on');
  const reader = new RekorReader(moved.url, await client.trust());
  await reader.fetch(await reader.head());
  await everyUrlIsNew(client, old, moved);
});

async function everyUrlIsNew(client: SigstoreJs, old: Instance, moved: Instance): Promise<void> {
  const signingConfig = await client.target('signing_config.v0.2.json');
  assert.ok(signingConfig.includes(`"${moved.url}`));
  assert.ok(!signingConfig.includes(new URL(old.url).host), 'the signing config names the old port');
  for (const path of ['/oidc', '/oidc/uri', '/oidc/ci']) {
    const document = await getJson<Record<string, unknown>>(`${moved.url}${path}/.well-known/openid-configuration`);
    assert.equal(document['issuer'], `${moved.url}${path}`);
  }
}
