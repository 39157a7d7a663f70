import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { onlyEntry } from './bundle.ts';
import { cosignFor } from './cosign.ts';
import { needs, programOf, temporaryFolder } from './environment.ts';
import { startLog } from './exported-log.ts';
import { losingProxy } from './losing-proxy.ts';
import { run } from './process.ts';
import { fetchTarget, jsVerifier, signWithJs } from './sigstore-js.ts';
import { sigstorePythonFor } from './sigstore-python.ts';
import { cosign, sigstorePython } from './tools.ts';
import { sharedWorkbench } from './workbench.ts';

/** What every client does when the answer to its entry is lost (docs/adr/0011-…). */

const bench = await sharedWorkbench();
const { js: trust, token, instance } = bench;
const artifact = Buffer.from('signed once\n');

interface SigningConfig {
  rekorTlogUrls: { url: string }[];
}

/** The signing config of the instance, with another log. */
async function signingConfigWith(rekorUrl: string): Promise<SigningConfig> {
  const config = JSON.parse(await fetchTarget(trust, 'signing_config.v0.2.json')) as SigningConfig;
  for (const log of config.rekorTlogUrls) log.url = rekorUrl;
  return config;
}

const indexIn = (answer: string): unknown => (JSON.parse(answer) as { logIndex: unknown }).logIndex;

test('sigstore-js sends the same entry again, and gets the one that is there: its bundle verifies', async () => {
  const proxy = await losingProxy(instance.url);
  const signingConfig = await signingConfigWith(proxy.url);
  const bundle = await signWithJs({ trust, token, kind: 'messageSignature', data: artifact, signingConfig });
  const [lost, again] = proxy.passed;
  assert.equal(proxy.passed.length, 2);
  assert.deepEqual([again?.body, again?.status], [lost?.body, 201]);
  assert.equal(String(onlyEntry(bundle).logIndex), indexIn(lost?.answer ?? ''));
  await jsVerifier(trust).verify(await bench.sample('after a lost answer', bundle, artifact));
});

test('where duplicates are conflicts, sigstore-js gives up: its entry is in the log, and it has no bundle', async (t) => {
  const log = await startLog({ duplicates: 'conflict' }, 1);
  t.after(() => log.close());
  const proxy = await losingProxy(log.url);
  const signingConfig = await signingConfigWith(proxy.url);
  await assert.rejects(
    signWithJs({ trust, token, kind: 'messageSignature', data: artifact, signingConfig }),
    (error: Error & { code?: string }) =>
      error.code === 'TLOG_CREATE_ENTRY_ERROR' && String(error.cause).includes('409'),
  );
  assert.deepEqual(
    proxy.passed.map(({ status }) => status),
    [201, 409],
  );
});

test(
  'cosign (sigstore-go) sends its entry once and fails; run again it signs anew, which is another entry',
  needs(cosign),
  async () => {
    const client = await cosignFor(instance.url);
    const proxy = await losingProxy(instance.url);
    const folder = await temporaryFolder();
    const config = join(folder, 'signing-config.json');
    await writeFile(config, JSON.stringify(await signingConfigWith(proxy.url)));
    await writeFile(join(folder, 'artifact.txt'), artifact);
    const args = ['sign-blob', '--yes', '--identity-token', token, '--signing-config', config];
    const sign = (bundle: string): ReturnType<typeof run> =>
      run(programOf(cosign), [...args, '--bundle', bundle, 'artifact.txt'], { env: client.env, cwd: folder });
    const failed = await sign('a.json');
    assert.notEqual(failed.code, 0);
    assert.deepEqual(
      proxy.passed.map(({ status }) => status),
      [201],
    );
    const done = await sign('b.json');
    assert.equal(done.code, 0, done.stderr);
    assert.deepEqual(
      proxy.passed.map(({ status }) => status),
      [201, 201],
    );
    assert.notEqual(indexIn(proxy.passed[0]?.answer ?? ''), indexIn(proxy.passed[1]?.answer ?? ''));
  },
);

test(
  'sigstore-python sends its entry once and fails; run again it signs anew, which is another entry',
  needs(sigstorePython),
  async () => {
    const client = await sigstorePythonFor(instance.url, trust.rootPath);
    const proxy = await losingProxy(instance.url);
    const folder = await temporaryFolder();
    const config = join(folder, 'trust-config.json');
    const whole = {
      mediaType: 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json',
      trustedRoot: JSON.parse(await fetchTarget(trust, 'trusted_root.json')) as unknown,
      signingConfig: await signingConfigWith(proxy.url),
    };
    await writeFile(config, JSON.stringify(whole));
    await writeFile(join(folder, 'artifact.txt'), artifact);
    const args = ['--trust-config', config, 'sign', '--identity-token', token, '--overwrite'];
    const sign = (bundle: string): ReturnType<typeof run> =>
      run(programOf(sigstorePython), [...args, '--bundle', bundle, 'artifact.txt'], { env: client.env, cwd: folder });
    const failed = await sign('a.json');
    assert.notEqual(failed.code, 0);
    assert.equal(proxy.passed.length, 1);
    const done = await sign('b.json');
    assert.equal(done.code, 0, done.stderr);
    assert.equal(proxy.passed.length, 2);
    assert.notEqual(indexIn(proxy.passed[0]?.answer ?? ''), indexIn(proxy.passed[1]?.answer ?? ''));
  },
);
