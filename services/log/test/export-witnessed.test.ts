import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { directoryStore, prepareDirectory } from '../src/export/directory-store.ts';
import { systemFiles } from '../src/export/files.ts';
import { Rounds, type RoundOutcome } from '../src/export/round.ts';
import { exportSource } from '../src/open-export.ts';
import type { OpenLog } from '../src/open-log.ts';
import { plainPublication, type Publication } from '../src/publication.ts';
import { entry, personality } from './support/witness-bench.ts';
import { fakeClock, testLogs } from './support/test-log.ts';

/** A publication that stands still, as without witnesses. */
function standing(log: Parameters<typeof plainPublication>[0]): Publication {
  const shown = log.tree.published;
  return {
    ...plainPublication(log),
    isWitnessed: true,
    shown,
    catchUp: () => Promise.resolve(),
    catchUpIfBehind: () => Promise.resolve(),
  };
}

test('a checkpoint that a process without witnesses exported a moment ago is of the log: no alarm, and nothing smaller takes its place', async (t) => {
  const logs = await testLogs();
  t.after(() => logs.drop());
  const folder = await mkdtemp(path.join(tmpdir(), 'sigstead-export-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await prepareDirectory({ folder, files: systemFiles, nowMs: fakeClock().nowMs() });
  const target = directoryStore({ folder, files: systemFiles, lock: (task) => task() });
  const round = (log: OpenLog): Promise<RoundOutcome> => {
    const source = exportSource(log, personality);
    return new Rounds({ source, target, onObject: () => undefined, isClosing: () => false }).round();
  };
  const plain = await logs.open({ personality });
  await plain.sequencer.append(entry('one'));
  const witnessed = await logs.open({ personality, publication: standing });
  await plain.sequencer.append(entry('two'));
  assert.equal(await round(plain), 'exported');
  const before = await target.get('checkpoint', 10_000);
  assert.equal(await round(witnessed), 'current');
  assert.deepEqual(await target.get('checkpoint', 10_000), before);
  assert.equal(witnessed.tree.published.head.size, 2);
});
