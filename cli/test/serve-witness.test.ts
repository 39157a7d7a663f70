import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { formatVerifierKey, publicKeyFromSpki, verifierKey } from '@sigstead/formats';
import { signerFromPem } from '@sigstead/keys';
import { command, makeSite, type Site } from './serve-support.ts';

const WITNESS = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' });
const cosigner = formatVerifierKey(verifierKey('w.example', 'cosignature-v1', publicKeyFromSpki(WITNESS)));

suite('the witness policy of a log', () => {
  let site: Site;
  before(async () => {
    site = await makeSite('postgresql://nobody@localhost:1/none');
    await site.rewrite('  - {name: rekor, ', '  - {name: rekor, witness: {policyFile: witnesses.policy}, ');
  });
  after(() => site.close());

  async function check(policy: string): Promise<string> {
    await writeFile(join(site.folder, 'witnesses.policy'), policy);
    return (await command('config', 'check', site.configFile)).output;
  }

  test('is read with the configuration; one that names the log names its key and origin', async () => {
    const key = publicKeyFromSpki(signerFromPem(await readFile(join(site.folder, 'rekor.key'), 'utf8')).spki);
    const own = formatVerifierKey(verifierKey('localhost', 'ecdsa', key));
    const lines = `witness w ${cosigner} https://w.example/prefix\nquorum w\n`;
    assert.match(await check(lines), /is valid/);
    assert.match(await check(`log ${own}\n${lines}`), /is valid/);
    assert.match(await check('quorum none\n'), /is valid/);
    const other = formatVerifierKey(verifierKey('log.example', 'ecdsa', key));
    assert.match(
      await check(`log ${other}\n${lines}`),
      /logs\[0\]\.witness\.policyFile: .*names logs, but not this one/,
    );
  });

  test('that could never be met, or asks at a place that is none, stops the start', async () => {
    for (const [policy, said] of [
      ['', /no quorum line/],
      ['quorum nobody\n', /line 1: no witness or group nobody/],
      [`witness w ${cosigner}\nquorum w\n`, /gives no URL for w,/],
      [`witness w ${cosigner} ftp://w.example\nquorum w\n`, /ftp:\/\/w\.example is no address of witness w/],
      [`witness w ${cosigner} https://u:p@w.example\nquorum w\n`, /is no address of witness w/],
      [`witness w ${cosigner} https://w.example/?a=b\nquorum w\n`, /is no address of witness w/],
      [`witness w ${cosigner.slice(0, -4)}AAA= https://w.example\nquorum w\n`, /line 1: /],
    ] as const) {
      const output = await check(policy);
      assert.match(output, /logs\[0\]\.witness\.policyFile: .*witnesses\.policy cannot be used: /);
      assert.match(output, said);
    }
  });

  test('that is not there is told by its key', async () => {
    await site.rewrite('witnesses.policy', 'none.policy');
    const { code, output } = await command('config', 'check', site.configFile);
    assert.notEqual(code, 0);
    assert.match(output, /logs\[0\]\.witness\.policyFile: cannot read .*none\.policy/);
  });
});
