import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openDataFolder } from '../src/dev/data-folder.ts';

let base: string;
before(async () => {
  base = await mkdtemp(join(tmpdir(), 'sigstead-folder-'));
});
after(() => rm(base, { recursive: true, force: true }));

test('a first start that was killed while it wrote any of its files is no obstacle to the next', async () => {
  for (const name of ['sigstead.yaml', 'instance.json']) {
    await writeFile(join(base, `${name}.0b0e8a1e-1111-4222-8333-444455556666`), '');
  }
  const folder = await openDataFolder({ dir: base, shared: false });
  await folder.close();
});

test('a file with a name much like ours is still another file', async () => {
  await writeFile(join(base, 'sigstead.yamlx'), '');
  await assert.rejects(openDataFolder({ dir: base, shared: false }), /holds other files \(sigstead\.yamlx\)/);
});
