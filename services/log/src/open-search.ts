import type { Clock, Pool } from '@sigstead/platform';
import { Coverage } from './search/coverage.ts';
import { Searcher, type ShownTree } from './search/searcher.ts';
import type { OpenLog } from './open-log.ts';
import type { LogSpec } from './options.ts';
import { LoadGate } from './read/load-gate.ts';
import { sha256 } from './sha256.ts';
import { searchIndex } from './store/searching.ts';

/** Searches of one log under way, those that wait, and how long; each makes several reads through the readers' own gate. */
const SEARCHES = { running: 4, waiting: 64, waitMs: 2000 };

/** What answers searches of a Rekor v2 log; undefined where that is switched off. `pool` is that of readers. */
export function openSearch(options: {
  spec: LogSpec;
  log: OpenLog;
  logId: number;
  pool: Pool;
  clock: Clock;
}): Searcher | undefined {
  const { spec, log, logId, pool, clock } = options;
  if (spec.search === false) return undefined;
  const index = searchIndex(pool, logId);
  return new Searcher({
    index,
    coverage: new Coverage(index),
    gate: new LoadGate(SEARCHES),
    shownTree: () => shownTree(log, clock.nowMs()),
    sha256,
    nowMs: () => performance.now(),
  });
}

/** What is published now. Everything of one answer is proven under it, however the log grows meanwhile. */
async function shownTree({ publication, entries, tiles }: OpenLog, nowMs: number): Promise<ShownTree> {
  const { head, edge } = await publication.newest(nowMs);
  const { size, root, note } = head;
  return {
    size,
    root,
    note,
    leaf: async (index) => (await entries.record(edge, index)).leaf,
    proof: (index) => tiles.inclusionProof(edge, size, index),
  };
}
