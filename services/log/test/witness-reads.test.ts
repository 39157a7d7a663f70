import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyInclusion } from '@sigstead/merkle';
import { LoadGate } from '../src/read/load-gate.ts';
import { FakeWitness } from './support/fake-witness.ts';
import { hasher, testLogs } from './support/test-log.ts';
import { entry, personality, witnessBench } from './support/witness-bench.ts';
import { until } from './support/witnessed-log.ts';

test('F66: readers who use up everything there is for reading keep no checkpoint from being witnessed, and no entry from its answer', async (t) => {
  const [logs, witness] = [await testLogs(), await FakeWitness.start('w')];
  t.after(async () => {
    await logs.drop();
    await witness.close();
  });
  // What others append is in no memory of this process.
  const other = await logs.open({ personality });
  const append = (begin: number, end: number): Promise<unknown> =>
    Promise.all(Array.from({ length: end - begin }, (_, i) => other.sequencer.append(entry(`entry ${begin + i}`))));
  const never = (): Promise<never> => new Promise(() => undefined);
  const gate = new LoadGate({ running: 1, waiting: 0, waitMs: 10 });
  const store = { tiles: never, records: never, findLeaf: never };
  const bench = await witnessBench(logs, { witness, open: { reads: { store, gate }, cacheBytes: 1 } });
  t.after(() => bench.close());
  const { publication } = bench.log;
  await append(0, 200);
  await until(() => publication.shown?.head.size === 200);
  witness.behave = () => ({ status: 404, body: 'no' });
  await append(200, 700);
  void gate.run(never);
  witness.behave = () => 'honest';
  for (const index of [699, 512, 255, 0]) {
    const leafHash = entry(`entry ${index}`).identity;
    const { head, proof } = await publication.inclusion(index, leafHash, AbortSignal.timeout(10_000));
    verifyInclusion({ hasher, index, size: head.size, leafHash, proof, root: head.root });
    assert.equal(head.size, 700);
  }
});
