import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { needs, temporaryFolder } from './environment.ts';
import { eventually, startLog } from './exported-log.ts';
import { startGateway } from './s3-gateway.ts';
import { versitygw } from './tools.ts';

const { skip } = needs(versitygw);

if (skip !== false) describe('S3 server', { skip }, () => test('holds the mark of a log'));
else await suite();

async function suite(): Promise<void> {
  const gateway = await startGateway(await temporaryFolder());
  after(() => gateway.end());
  const log = await startLog({ markPlace: gateway.place('marks/') }, 3).catch(async (error: unknown) => {
    await gateway.end('SIGKILL');
    throw error;
  });
  after(() => log.close());
  const marked = (): number => {
    try {
      return Number(readFileSync(join(gateway.bucket, 'marks', 'mark-exported'), 'utf8').split('\n')[2]);
    } catch {
      return -1;
    }
  };

  test('three processes raise one mark: it covers all that was answered, and never goes back', async () => {
    const seen: number[] = [];
    const watch = setInterval(() => {
      if (marked() !== seen.at(-1)) seen.push(marked());
    }, 1);
    after(() => clearInterval(watch));
    for (const size of [1, 50, 200]) {
      await log.grow(size);
      assert.ok(marked() >= size, `${marked()} of ${size}`);
    }
    clearInterval(watch);
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
    assert.equal(await log.trouble(), undefined);
  });

  test('while the storage is away nothing is acknowledged; when it is back the log goes on', async () => {
    await gateway.end('SIGKILL');
    const before = marked();
    await assert.rejects(log.grow(201), /503/);
    assert.equal(marked(), before);
    await gateway.start();
    // What was refused may be in the log all the same.
    await log.regrow(220);
    assert.ok(marked() >= 220, String(marked()));
    // Each process looks once a second whether mark and database agree, and is not ready until it has seen it again.
    await eventually(
      () => log.trouble(),
      (trouble) => trouble === undefined,
    );
  });
}
