import { countOf } from '../core/coverage.ts';
import type { IndexRange } from '../core/search-index.ts';
import { rowsOf, type SearchWorkshop } from './rebuild.ts';

export interface SearchStatus {
  size: number;
  /** Entries that can be found. */
  searchable: number;
  /** Entries that cannot: they were added while search was off, or their rows are gone. */
  missing: IndexRange[];
  /** What of some batches is stored, compared with what should be. */
  sample: { batches: number; rows: number; lacking: { firstIndex: number; rows: number }[] };
}

/**
 * Which entries can be found, and whether `batches` of those that can, chosen at random, have all their rows. `random` gives
 * whole numbers below its argument. Throws as rebuildSearch.
 */
export async function searchStatus(
  shop: SearchWorkshop,
  options: { size: number; batches: number; random: (below: number) => number },
): Promise<SearchStatus> {
  const { size } = options;
  await shop.coverage.refresh();
  const missing = shop.coverage.missing({ begin: 0, end: size });
  const searchable = size - countOf(missing);
  return { size, searchable, missing, sample: await checkSample(shop, options) };
}

async function checkSample(
  { index, coverage, store, rebuilder, keysOf }: SearchWorkshop,
  { size, batches, random }: { size: number; batches: number; random: (below: number) => number },
): Promise<SearchStatus['sample']> {
  const chosen = new Set<number>();
  for (let i = 0; i < batches && size > 0; i++) chosen.add(await index.batchOf(random(size)));
  const sample: SearchStatus['sample'] = { batches: 0, rows: 0, lacking: [] };
  for (const from of [...chosen].sort((a, b) => a - b)) {
    const [batch] = await store.batches({ from, maxBytes: 1 });
    const end = from + (batch?.entryCount ?? 0);
    if (batch === undefined || coverage.missing({ begin: from, end }).length > 0) continue;
    const rows = rowsOf({ keysOf }, batch);
    const held = await rebuilder.holds(batch.firstIndex, rows);
    const lacking = held.filter((isHeld) => !isHeld).length;
    sample.batches += 1;
    sample.rows += held.length;
    if (lacking > 0) sample.lacking.push({ firstIndex: batch.firstIndex, rows: lacking });
  }
  return sample;
}
