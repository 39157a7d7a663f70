import { LogError } from '../core/errors.ts';
import type { LogStore, StoredBatch } from '../core/ports.ts';
import { unpackRecords } from '../core/records.ts';
import type { IndexRange, SearchIndex, SearchRebuilder } from '../core/search-index.ts';
import { type SearchRows, searchRows } from '../core/search-rows.ts';
import type { Coverage } from './coverage.ts';

/** Of entries, in one transaction. */
const PAGE_BYTES = 4 * 2 ** 20;

export interface SearchWorkshop {
  index: SearchIndex;
  coverage: Coverage;
  rebuilder: SearchRebuilder;
  store: Pick<LogStore, 'batches'>;
  /** Keys of an entry from its bytes in the tree. */
  keysOf: (leaf: Uint8Array) => Uint8Array[];
}

export interface RebuildProgress {
  /** Entries done, and to be done in all. */
  entries: number;
  total: number;
}

/**
 * Stores what the entries of a log are found by where that is missing, or everywhere. A page of batches is one transaction, so
 * whoever is killed has done whole pages, and the next one goes on behind them. Several at once do the work twice and no harm.
 * Throws what the ports throw, and LogError `internal` when batches are not what they should be.
 */
export async function rebuildSearch(
  shop: SearchWorkshop,
  options: { size: number; everywhere: boolean; onProgress?: (progress: RebuildProgress) => void },
): Promise<{ entries: number }> {
  const { size, everywhere, onProgress } = options;
  await shop.coverage.refresh();
  const whole = { begin: 0, end: size };
  const ranges = everywhere ? [whole].filter(({ end }) => end > 0) : shop.coverage.missing(whole);
  const total = ranges.reduce((sum, { begin, end }) => sum + end - begin, 0);
  let before = 0;
  for (const range of ranges) {
    await rebuildRange(shop, range, (end) => onProgress?.({ entries: before + end - range.begin, total }));
    before += range.end - range.begin;
  }
  return { entries: total };
}

async function rebuildRange(shop: SearchWorkshop, range: IndexRange, done: (end: number) => void): Promise<void> {
  let at = await shop.index.batchOf(range.begin);
  while (at < range.end) {
    const page = await shop.store.batches({ from: at, maxBytes: PAGE_BYTES });
    const batches = page.filter(({ firstIndex }) => firstIndex < range.end);
    const last = batches.at(-1);
    if (last === undefined || batches[0]?.firstIndex !== at) throw damaged(`no stored batch begins at ${at}`);
    const end = last.firstIndex + last.entryCount;
    const rows = batches.map((batch) => ({ firstIndex: batch.firstIndex, rows: rowsOf(shop, batch) }));
    await shop.rebuilder.add({ begin: at, end }, rows);
    at = end;
    done(Math.min(end, range.end));
  }
}

/** The rows that a batch should have. */
export function rowsOf({ keysOf }: Pick<SearchWorkshop, 'keysOf'>, batch: StoredBatch): SearchRows {
  const rows = searchRows(unpackRecords(batch.records, batch.entryCount).map(({ leaf }) => keysOf(leaf)));
  if (rows === undefined) throw damaged(`the batch at ${batch.firstIndex} has ${batch.entryCount} entries`);
  return rows;
}

function damaged(detail: string): LogError {
  return new LogError('internal', 'internal error', { detail });
}
