import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { createMetrics, type Metrics, silentLogger } from '@sigstead/platform';
import { StoreError } from '../src/core/errors.ts';
import type { RowCounts } from '../src/core/fsck.ts';
import type { LogStore } from '../src/core/ports.ts';
import type { OpenLog } from '../src/open-log.ts';
import { openScrub, type ScrubbedLog } from '../src/open-scrub.ts';
import { fakeClock, testLogs, type TestLogs, text } from './support/test-log.ts';

const PATIENCE_MS = 20_000;
const NO_ROWS: RowCounts = { size: 0, heads: 0, notes: 0, batches: 0, tiles: 0, identities: 0, leafHashes: 0 };
const BAD = { size: 1, heads: 1, notes: 1, fullTiles: 0, complete: true, problems: ['entry 0 is bad'] };

let logs: TestLogs;
before(async () => {
  logs = await testLogs();
});
after(() => logs.drop());

function scrubbed(t: TestContext, log: OpenLog, own: Pick<ScrubbedLog, 'fsck' | 'openStore'>): Metrics {
  const metrics = createMetrics();
  const scrub = openScrub({
    logs: [{ log, ...own }],
    connectionString: logs.database.connectionString,
    limits: { bytesPerSecond: 2 ** 40, pauseMs: 5 },
    logger: silentLogger,
    metrics,
    clock: fakeClock(),
  });
  t.after(() => scrub.close());
  scrub.start();
  return metrics;
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < endMs, 'not in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const failed = async (metrics: Metrics, reason: string): Promise<boolean> =>
  (await metrics.text()).includes(`sigstead_log_scrub_errors_total{log="test",reason="${reason}"}`);

test('rows that were counted and whose COMMIT was never acknowledged are no contradiction once they are gone', async (t) => {
  const log = await logs.open();
  await log.sequencer.append(text('acknowledged'));
  const metrics = scrubbed(t, log, {
    openStore: () => assert.fail('nothing is closed'),
    async fsck({ onCounted }) {
      await onCounted?.({ ...NO_ROWS, size: log.tree.known.head.size + 1 });
      return BAD;
    },
  });
  await until(async () => (await failed(metrics, 'unavailable')) || log.tree.haltedBy !== undefined);
  assert.equal(log.tree.haltedBy, undefined);
});

test('what a scrub has found closes the log for all processes, also when the database does not answer at first', async (t) => {
  const log = await logs.open();
  const reason = new StoreError('refused', 'a lock was not got in time');
  let begun = 0;
  const stores = await Promise.all([1, 2, 3, 4].map(() => logs.store()));
  const openStore = (): LogStore => {
    const store = stores.pop() ?? assert.fail('no store is left');
    return { ...store, begin: () => (++begun < 3 ? Promise.reject(reason) : store.begin()) };
  };
  scrubbed(t, log, { openStore, fsck: () => Promise.resolve(BAD) });
  await until(() => log.tree.haltedBy !== undefined);
  const other = await logs.open();
  await until(async () => (await other.store.peek({ size: 0 })).state === 'read-only');
  await assert.rejects(other.sequencer.append(text('after it')), { code: 'read_only' });
});
