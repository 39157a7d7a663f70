import {
  type IndexRange,
  type KeyQuestion,
  type KeyRow,
  MOST_ROWS_OF_A_BATCH,
  type SearchIndex,
} from '../core/search-index.ts';
import { placesOf, SEGMENT_ENTRIES, storedKeyText } from '../core/search-rows.ts';

/** Entries that the index names, and up to where it was looked into for them. */
export interface Candidates {
  /** Ascending. */
  indexes: number[];
  /** All below it were looked at. */
  to: number;
}

/** Batches that one statement gives. */
const BATCHES = 256;
/** Segments that one statement looks into: at first, and at most, when nothing was found in fewer. */
const FEW_SEGMENTS = 4;
const MANY_SEGMENTS = 64;

/**
 * Looks for the entries of a range that have all keys, a step at a time: each yields what one bounded statement found, in order
 * of the log. Of several keys the one that the fewest batches have leads; the others are looked up where it occurs.
 */
export async function* candidates(
  index: Pick<SearchIndex, 'batchOf' | 'count' | 'rows'>,
  keys: readonly Uint8Array[],
  { begin, end }: IndexRange,
): AsyncGenerator<Candidates> {
  if (begin >= end) return;
  const lastSegment = segmentOf(end - 1);
  let fromBatch = begin === 0 ? 0 : await index.batchOf(begin);
  let segment = segmentOf(fromBatch);
  let to = begin;
  for (let width = FEW_SEGMENTS; segment <= lastSegment; ) {
    const segments = { first: segment, last: Math.min(segment + width - 1, lastSegment) };
    const question = { keys, segments, fromBatch };
    const driver = await leader(index, question);
    const rows = driver === undefined ? [] : await index.rows({ ...question, driver, most: BATCHES });
    const found = matches(rows, keys);
    // The first batch may begin before the range.
    const from = to;
    const indexes = found.indexes.filter((i) => i >= from && i < end);
    if (found.batches < BATCHES) {
      segment = segments.last + 1;
      fromBatch = segment * SEGMENT_ENTRIES;
      if (rows.length === 0) width = Math.min(width * 2, MANY_SEGMENTS);
    } else {
      fromBatch = found.lastBatch + 1;
      segment = segmentOf(found.lastBatch);
    }
    // A batch may reach beyond where the next look begins, and was looked at whole.
    to = Math.min(end, Math.max(to, fromBatch, (indexes.at(-1) ?? 0) + 1));
    yield { indexes, to };
  }
}

function segmentOf(index: number): number {
  return Math.floor(index / SEGMENT_ENTRIES);
}

/** Place of the key that the fewest batches have; undefined when one of the keys has none. */
async function leader(index: Pick<SearchIndex, 'count'>, question: KeyQuestion): Promise<number | undefined> {
  if (question.keys.length === 1) return 0;
  const counts = await index.count({ ...question, most: BATCHES });
  const least = Math.min(...counts);
  return least === 0 ? undefined : counts.indexOf(least);
}

interface Matches {
  indexes: number[];
  /** Different batches in the rows, with those that do not exist. */
  batches: number;
  lastBatch: number;
}

/**
 * Entries that every key has, of the batches in these rows. Rows are hints: what is named beyond the end of a batch is no entry
 * of it, and of a batch with more rows than are read through every entry counts. So no row that is added can hide an entry.
 */
function matches(rows: readonly KeyRow[], keys: readonly Uint8Array[]): Matches {
  const wanted = keys.map(storedKeyText);
  const byBatch = [...Map.groupBy(rows, (row) => row.firstIndex)].sort(([a], [b]) => a - b);
  const indexes = byBatch.flatMap(([firstIndex, group]) => {
    const count = group[0]?.entryCount ?? 0;
    const held = placesByKey(group);
    const places =
      group.length > MOST_ROWS_OF_A_BATCH
        ? Array.from({ length: count }, (_, place) => place)
        : commonPlaces(wanted.map((key) => held.get(key))).filter((place) => place < count);
    return places.map((place) => firstIndex + place);
  });
  return { indexes, batches: byBatch.length, lastBatch: byBatch.at(-1)?.[0] ?? 0 };
}

/** Of the rows of one batch. Two rows of one key count as one. */
function placesByKey(rows: readonly KeyRow[]): Map<string, Set<number>> {
  const held = new Map<string, Set<number>>();
  for (const { key, places } of rows) {
    const text = storedKeyText(key);
    held.set(text, new Set([...(held.get(text) ?? []), ...placesOf(places)]));
  }
  return held;
}

/** Ascending. */
function commonPlaces(sets: readonly (ReadonlySet<number> | undefined)[]): number[] {
  const [first, ...others] = sets;
  const common = [...(first ?? [])].filter((place) => others.every((set) => set?.has(place) === true));
  return common.sort((a, b) => a - b);
}
