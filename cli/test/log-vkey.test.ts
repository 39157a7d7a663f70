import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { parseVerifierKey } from '@sigstead/formats';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { logCommand } from '../src/commands/log.ts';
import { makeSite, type Site } from './serve-support.ts';

suite('the verifier key of a log', () => {
  let site: Site;
  before(async () => {
    // Nobody answers there: a key is printed without a database.
    site = await makeSite('postgresql://nobody@127.0.0.1:1/none');
  });
  after(() => site.close());

  async function printed(name: string): Promise<string[]> {
    let output = '';
    const write = (text: string): void => {
      output += text;
    };
    await logCommand(
      { action: 'vkey', config: site.configFile, name },
      { env: {}, version: '0', write, writeError: write },
    );
    return output.split('\n').filter(Boolean);
  }

  test('is of type 2 for a P-256 key, under the origin', async () => {
    const [line = '', ...more] = await printed('rekor');
    const { name, type, key } = parseVerifierKey(line);
    assert.deepEqual([name, type, more.length], ['localhost', 'ecdsa', 0]);
    const { spki } = signerFromPem(await readFile(join(site.folder, 'rekor.key'), 'utf8'));
    assert.deepEqual(Buffer.from(key.spki), Buffer.from(spki));
  });

  test('is of type 1 for Ed25519; further signers follow on lines of their own', async () => {
    await writeFile(join(site.folder, 'ed.key'), generatePrivateKeyPem('ed25519'));
    await site.rewrite('keyFile: rekor.key', 'keyFile: rekor.key, alsoSign: [{keyFile: ed.key, name: also.example}]');
    const types = (await printed('rekor')).map((line) => {
      const { name, type } = parseVerifierKey(line);
      return `${name} ${type}`;
    });
    assert.deepEqual(types, ['localhost ecdsa', 'also.example ed25519']);
  });

  test('is of type 5 for a ct log that has checkpoints; one without them has no such key', async () => {
    await assert.rejects(printed('ct'), /log ct has no checkpoints: a ct log has them with leafIndex: true/);
    await site.rewrite('{name: ct, kind: ct,', '{name: ct, kind: ct, leafIndex: true,');
    const [line = ''] = await printed('ct');
    assert.equal(parseVerifierKey(line).type, 'rfc6962');
  });

  test('of a log that is not configured is a line', async () => {
    await assert.rejects(printed('none'), /logs has none named "none"; it has rekor, ct/);
  });
});
