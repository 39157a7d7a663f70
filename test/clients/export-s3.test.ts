import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { needs, temporaryFolder } from './environment.ts';
import { eventually, exportedFiles, startExportedLog, treeSizeOf } from './exported-log.ts';
import { startGateway } from './s3-gateway.ts';
import { versitygw } from './tools.ts';

const { skip } = needs(versitygw);

/** Cycles in which the gateway is killed. */
const KILLS = 12;

if (skip !== false) describe('S3 server', { skip }, () => test('holds an exported log'));
else await suite();

async function suite(): Promise<void> {
  const base = await temporaryFolder();
  const gateway = await startGateway(base);
  after(() => gateway.end());

  const prefix = 'v2/2026/';
  const folder = join(gateway.bucket, prefix);
  const target = { kind: 's3' as const, ...gateway.place(prefix), intervalMs: 10 };
  const log = await startExportedLog(target, 3).catch(async (error: unknown) => {
    // Nobody else would: a file that fails while it is loaded runs no hooks.
    await gateway.end('SIGKILL');
    throw error;
  });
  after(() => log.close());
  const exportedSize = (): Promise<number> => readFile(join(folder, 'checkpoint')).then(treeSizeOf, () => -1);

  const checkExported = async (size: number): Promise<void> => {
    await eventually(exportedSize, (found) => found === size);
    const checkpoint = await readFile(join(folder, 'checkpoint'));
    // The process that is asked may learn a moment later what another one has published and exported.
    await eventually(
      () => log.served('checkpoint'),
      (served) => served.equals(checkpoint),
    );
    for (const name of await exportedFiles(folder)) {
      assert.deepEqual(await readFile(join(folder, name)), await log.served(name), name);
    }
  };

  test('three processes export one log into one bucket: what stands there is what the log serves', async () => {
    for (const size of [1, 255, 256, 257, 600]) {
      await log.grow(size);
      await checkExported(size);
    }
    const names = await exportedFiles(folder);
    for (const name of ['tile/entries/001', 'tile/0/001', 'tile/entries/002.p/88', 'tile/1/000.p/2']) {
      assert.ok(names.includes(name), name);
    }
    assert.equal(await log.trouble(), undefined);
  });

  test('while the storage is away entries are taken as ever; when it is back the export catches up', async () => {
    await gateway.end('SIGKILL');
    await log.grow(700);
    assert.equal(await exportedSize(), 600);
    assert.equal(await log.trouble(), undefined);
    await gateway.start();
    await checkExported(700);
    assert.equal(await log.trouble(), undefined);
  });

  test('exporters that take each other the turn, over a gateway killed again and again: nothing shown ever goes back', async () => {
    const shown: number[] = [];
    const watch = setInterval(() => {
      const text = tryRead(join(folder, 'checkpoint'));
      if (text !== undefined && treeSizeOf(text) !== shown.at(-1)) shown.push(treeSizeOf(text));
    }, 1);
    after(() => clearInterval(watch));
    let size = 700;
    for (let kill = 0; kill < KILLS; kill++) {
      const growing = log.grow((size += 40));
      // Each moment of an export is met in some cycle.
      for (let step = 0; step < 4; step++) {
        await log.passTurn();
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
      }
      await gateway.end('SIGKILL');
      await gateway.start();
      await growing;
    }
    await checkExported(size);
    clearInterval(watch);
    assert.deepEqual(
      shown,
      shown.toSorted((a, b) => a - b),
    );
    assert.ok(shown.length > 2, String(shown.length));
    assert.equal(await log.trouble(), undefined);
  });

  test('full tiles are immutable for caches, partial ones and the checkpoint are not', async () => {
    const type = 'application/octet-stream';
    for (const [name, contentType, cacheControl] of [
      ['tile/0/000', type, 'public, max-age=604800, immutable'],
      ['tile/entries/000', type, 'public, max-age=604800, immutable'],
      ['tile/0/002.p/88', type, 'public, max-age=60'],
      ['tile/entries/002.p/88', type, 'public, max-age=60'],
      ['checkpoint', 'text/plain; charset=utf-8', 'no-cache'],
    ] as const) {
      const kept = (header: string): Promise<string> =>
        readFile(join(base, 'meta', 'logs', prefix, name, 'meta', header), 'utf8');
      assert.deepEqual([await kept('content-type'), await kept('cache-control')], [contentType, cacheControl], name);
    }
  });

  test('an object that has changed in the storage is found when it is written again, and makes the log read-only', async () => {
    const name = 'tile/0/000';
    const tile = await readFile(join(folder, name));
    tile.writeUInt8(tile.readUInt8(5) ^ 1, 5);
    await writeFile(join(folder, name), tile);
    // Without its checkpoint the place is one that nothing was exported to yet.
    await rm(join(folder, 'checkpoint'));
    await log.grow(700 + 40 * KILLS + 1);
    const trouble = await eventually(
      () => log.trouble(),
      (found) => found !== undefined,
    );
    assert.match(trouble ?? '', /tile\/0\/000 stands in the target with other bytes/);
    assert.equal(await exportedSize(), -1);
    assert.deepEqual(await readFile(join(folder, name)), tile);
  });
}

function tryRead(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
