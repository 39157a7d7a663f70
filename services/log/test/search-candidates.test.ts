import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { countOf, Ranges } from '../src/core/coverage.ts';
import { type KeyRow, MOST_ROWS_OF_A_BATCH, type SearchIndex } from '../src/core/search-index.ts';
import { searchRows, SEGMENT_ENTRIES, storedKey, STORED_KEY_BYTES } from '../src/core/search-rows.ts';
import { candidates } from '../src/search/candidates.ts';
import { sha256 } from './support/test-log.ts';

const keyOf = (name: string): Uint8Array => sha256(Buffer.from(name));

/** A log as a list of batches, each entry with the names that it is found by. */
interface ModelBatch {
  firstIndex: number;
  entries: string[][];
}

/** A row that should not be there. */
interface AddedRow {
  firstIndex: number;
  name: string;
  places: number[];
  copies: number;
}

/** The rows of a model in memory, behind those that somebody added; refuses questions that are not bounded. */
function indexOver(
  batches: readonly ModelBatch[],
  added: readonly AddedRow[] = [],
): Pick<SearchIndex, 'batchOf' | 'count' | 'rows'> & { asked: number } {
  const counts = new Map(batches.map(({ firstIndex, entries }) => [firstIndex, entries.length]));
  const lies = added.flatMap(({ firstIndex, name, places, copies }) => {
    const packed = Buffer.alloc(places.length * 2);
    places.forEach((place, i) => packed.writeUInt16BE(place, i * 2));
    const entryCount = counts.get(firstIndex) ?? 0;
    return Array<KeyRow>(copies).fill({ firstIndex, entryCount, key: storedKey(keyOf(name)), places: packed });
  });
  const truths: KeyRow[] = batches.flatMap(({ firstIndex, entries }) => {
    const made = searchRows(entries.map((names) => names.map(keyOf))) ?? assert.fail();
    return made.begins.map((begin, n) => ({
      firstIndex,
      entryCount: entries.length,
      key: made.keys.subarray(n * STORED_KEY_BYTES, (n + 1) * STORED_KEY_BYTES),
      places: made.places.subarray(begin - 1, begin - 1 + (made.lengths[n] ?? 0)),
    }));
  });
  const rows = [...lies, ...truths];
  const seen = (question: Parameters<SearchIndex['count']>[0], key: Uint8Array): number[] => {
    const { segments, fromBatch } = question;
    assert.ok(segments.last - segments.first < 64 && segments.last >= segments.first && question.most <= 256);
    const inside = rows.filter(({ firstIndex }) => {
      const segment = Math.floor(firstIndex / SEGMENT_ENTRIES);
      return firstIndex >= fromBatch && segment >= segments.first && segment <= segments.last;
    });
    const firsts = inside.filter((row) => Buffer.compare(row.key, key) === 0).map(({ firstIndex }) => firstIndex);
    return [...new Set(firsts)].sort((a, b) => a - b).slice(0, question.most);
  };
  const index = {
    asked: 0,
    batchOf: (at: number) => Promise.resolve(batches.findLast(({ firstIndex }) => firstIndex <= at)?.firstIndex ?? 0),
    count: (question: Parameters<SearchIndex['count']>[0]) => {
      index.asked += 1;
      return Promise.resolve(question.keys.map((key) => seen(question, key).length));
    },
    rows: (question: Parameters<SearchIndex['rows']>[0]) => {
      index.asked += 1;
      const leading = question.keys[question.driver] ?? assert.fail();
      const wanted = rows.filter((row) => question.keys.some((key) => Buffer.compare(row.key, key) === 0));
      const byBatch = Map.groupBy(wanted, ({ firstIndex }) => firstIndex);
      const leaders = seen(question, leading);
      return Promise.resolve(leaders.flatMap((i) => byBatch.get(i)?.slice(0, MOST_ROWS_OF_A_BATCH + 1) ?? []));
    },
  };
  return index;
}

async function collect(
  index: ReturnType<typeof indexOver>,
  names: readonly string[],
  range: { begin: number; end: number },
): Promise<number[]> {
  const found: number[] = [];
  let to = range.begin;
  for await (const step of candidates(
    index,
    names.map((name) => storedKey(keyOf(name))),
    range,
  )) {
    assert.ok(step.to >= to, 'never back');
    assert.ok(
      step.indexes.every((i, n) => i >= to && i < step.to && i > (step.indexes[n - 1] ?? -1)),
      'in order',
    );
    to = step.to;
    found.push(...step.indexes);
  }
  assert.equal(to, Math.max(range.begin, range.end), 'to the end');
  return found;
}

function modelOf(sizes: readonly number[], names: readonly string[][], stride: number): ModelBatch[] {
  let firstIndex = 0;
  let entry = 0;
  return sizes.map((size) => {
    const batch = { firstIndex, entries: Array.from({ length: size }, () => names[entry++ % names.length] ?? []) };
    // As if batches lay far apart, so that there are many segments: indexes between them are nobody's.
    firstIndex += Math.max(size, stride);
    return batch;
  });
}

const inAll = (batches: readonly ModelBatch[], names: readonly string[]): number[] =>
  batches.flatMap(({ firstIndex, entries }) =>
    entries.flatMap((held, place) => (names.every((name) => held.includes(name)) ? [firstIndex + place] : [])),
  );

suite('candidates of a search', () => {
  test('are those of a filter over all entries, in whatever batches and segments they lie, from wherever on', async () => {
    const someNames = fc.subarray(['a', 'b', 'c', 'd', 'e'], { minLength: 0 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 40 }),
        fc.array(someNames, { minLength: 1, maxLength: 30 }),
        fc.constantFrom(1, 87_381, SEGMENT_ENTRIES - 2, SEGMENT_ENTRIES, SEGMENT_ENTRIES * 7),
        fc.subarray(['a', 'b', 'c', 'd', 'e', 'x'], { minLength: 1, maxLength: 4 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (sizes, names, stride, wanted, share) => {
          const batches = modelOf(sizes, names, stride);
          const last = batches.at(-1) ?? assert.fail();
          const end = last.firstIndex + last.entries.length;
          const begin = Math.floor(end * share);
          const found = await collect(indexOver(batches), wanted, { begin, end });
          assert.deepEqual(
            found,
            inAll(batches, wanted).filter((i) => i >= begin),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a key in more batches than one statement gives is followed to its end', async () => {
    const batches = modelOf(Array<number>(1500).fill(2), [['a'], ['a', 'b'], ['c']], 1);
    const index = indexOver(batches);
    for (const wanted of [['a'], ['a', 'b'], ['c', 'a']]) {
      assert.deepEqual(await collect(index, wanted, { begin: 0, end: 3000 }), inAll(batches, wanted));
    }
  });

  test('rows that are added hide nothing, whatever they say: not even with a page that begins behind them', async () => {
    const names = ['a', 'b'];
    const lie = fc.record({
      firstIndex: fc.integer({ min: 0, max: 1400 }),
      name: fc.constantFrom(...names),
      places: fc.array(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 65_535 })), { maxLength: 4 }),
      copies: fc.constantFrom(1, 2, MOST_ROWS_OF_A_BATCH + 5),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 300, maxLength: 400 }),
        fc.array(fc.subarray(names), { minLength: 1, maxLength: 30 }),
        fc.array(lie, { maxLength: 40 }),
        fc.subarray(names, { minLength: 1 }),
        fc.integer({ min: 0, max: 500 }),
        async (sizes, held, added, wanted, begin) => {
          const batches = modelOf(sizes, held, 1);
          const end = sizes.reduce((sum, size) => sum + size, 0);
          const found = new Set(await collect(indexOver(batches, added), wanted, { begin, end }));
          const hidden = inAll(batches, wanted).filter((i) => i >= begin && !found.has(i));
          assert.deepEqual(hidden, []);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('a rare key leads: a common one beside it costs nothing', async () => {
    const names = Array.from({ length: 3000 }, (_, i) => (i === 2999 ? ['common', 'rare'] : ['common']));
    const index = indexOver(modelOf(Array<number>(3000).fill(1), names, 1));
    assert.deepEqual(await collect(index, ['common', 'rare'], { begin: 0, end: 3000 }), [2999]);
    assert.equal(index.asked, 2);
  });

  test('nothing is asked about an empty range', async () => {
    const index = indexOver([]);
    assert.deepEqual(await collect(index, ['a'], { begin: 5, end: 5 }), []);
    assert.equal(index.asked, 0);
  });

  test('a batch of more entries than places can count has no rows', () => {
    assert.equal(searchRows(Array<Uint8Array[]>(65_537).fill([])), undefined);
    const rows = searchRows(Array<Uint8Array[]>(65_536).fill([keyOf('a')]));
    assert.equal(rows?.places.length, 131_072);
  });
});

suite('ranges', () => {
  test('say what is missing as a set of numbers does', () => {
    const range = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 20 }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 20 }), range, (added, [begin, width]) => {
        const ranges = new Ranges();
        const model = new Set<number>();
        for (const [from, length] of added) {
          ranges.add({ begin: from, end: from + length });
          for (let i = from; i < from + length; i++) model.add(i);
        }
        const missing = ranges.missing({ begin, end: begin + width });
        const told = missing.flatMap((gap) => Array.from({ length: gap.end - gap.begin }, (_, i) => gap.begin + i));
        const all = Array.from({ length: width }, (_, i) => begin + i);
        assert.deepEqual(
          told,
          all.filter((i) => !model.has(i)),
        );
        assert.equal(countOf(missing), told.length);
        assert.ok(
          missing.every((gap, i) => gap.begin > (missing[i - 1]?.end ?? -1)),
          'apart and in order',
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('more than are kept count as missing, and are kept once they join others', () => {
    const ranges = new Ranges();
    for (let i = 0; i < 20_000; i++) ranges.add({ begin: i * 2, end: i * 2 + 1 });
    assert.equal(countOf(ranges.missing({ begin: 0, end: 40_000 })), 30_000);
    ranges.add({ begin: 0, end: 40_000 });
    assert.deepEqual(ranges.missing({ begin: 0, end: 40_000 }), []);
  });
});
