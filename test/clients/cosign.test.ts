import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isThere } from './cache.ts';
import { cosignFor } from './cosign.ts';
import { needs, plainEnvironment, shell, temporaryFolder } from './environment.ts';
import { signInWithBrowser, terminalProgram } from './browser-flow.ts';
import { describeRefusals } from './refusals.ts';
import { cosign } from './tools.ts';
import { sharedWorkbench } from './workbench.ts';

const { skip } = needs(cosign);

/** As a user types it; the settings are those of `sigstead env cosign`. */
const SCRIPT = `
eval "$(npx sigstead env cosign --url "$1")"
token=$(npx sigstead token --email "$2" --url "$1")
cd "$3"
policy="--certificate-identity $2 --certificate-oidc-issuer $1/oidc"
cosign initialize --mirror "$TUF_MIRROR" --root "$TUF_ROOT_JSON"
cosign sign-blob --yes --identity-token "$token" --bundle blob.json artifact.txt
cosign verify-blob --bundle blob.json $policy artifact.txt
cosign attest-blob --yes --identity-token "$token" --type custom --predicate predicate.json --bundle statement.json artifact.txt
cosign verify-blob-attestation --type custom --bundle statement.json $policy artifact.txt
`;

if (skip !== false) describe('cosign', { skip }, () => test('signs and verifies'));
else await suite();

async function suite(): Promise<void> {
  const bench = await sharedWorkbench();
  const other = await sharedWorkbench();
  const { url } = bench.instance;
  const client = await cosignFor(url);
  const artifact = Buffer.from('signed by cosign\n');
  const blob = await bench.sample('cosign blob', await client.signBlob(artifact, bench.token), artifact);
  const statement = await bench.sample('cosign statement', await client.attestBlob(artifact, bench.token), artifact);
  const terminal = await terminalProgram();

  test('initialize, sign-blob, verify-blob, attest-blob and verify-blob-attestation with what sigstead prints', async () => {
    const home = await temporaryFolder();
    await writeFile(join(home, 'artifact.txt'), artifact);
    await writeFile(join(home, 'predicate.json'), '{"built":"here"}');
    const { stderr } = await shell(SCRIPT, [url, bench.identity, home], plainEnvironment(home, cosign));
    assert.match(stderr, /Verified OK/);
    assert.equal(await isThere(join(home, '.sigstore')), false, "the user's own trust is not touched");
  });

  test('signs and verifies without initialize, with three settings alone', async () => {
    assert.deepEqual(
      Object.keys(client.env)
        .filter((name) => /^(TUF|COSIGN|SIGSTORE|REKOR|FULCIO)_/.test(name))
        .sort(),
      ['TUF_MIRROR', 'TUF_ROOT', 'TUF_ROOT_JSON'],
    );
    await client.verify(blob);
    await client.verify(statement);
    assert.equal(await isThere(join(client.home, '.sigstore')), false, "the user's own trust is not touched");
  });

  test('signs in with the browser, in a terminal', { skip: terminal.missing ?? false }, async () => {
    const { bundle, opened } = await signInWithBrowser({ client, artifact, email: 'browser@example.com', terminal });
    assert.ok(opened.startsWith(`${url}/oidc/auth?`), `the browser was sent to ${opened}`);
    const signed = await bench.sample('cosign, browser', bundle, artifact);
    await client.verify({ ...signed, identity: 'browser@example.com' });
  });

  const clients = { verifier: client, stranger: await cosignFor(other.instance.url) };
  describeRefusals('cosign, blob', { ...clients, sample: blob });
  describeRefusals('cosign, statement', { ...clients, sample: statement });
}
