import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { IndexRange } from '../src/core/search-index.ts';
import { Coverage } from '../src/search/coverage.ts';

/** Tables in memory: batches stored with their keys, and ranges of which it was done later, in order. */
function tables() {
  const batches: IndexRange[] = [];
  const rebuilt: IndexRange[] = [];
  const coverage = new Coverage({
    storedWith({ from, most }) {
      const page = batches.filter(({ begin }) => begin >= from).slice(0, most);
      const [first] = page;
      const last = page.at(-1);
      if (first === undefined || last === undefined) return Promise.resolve(undefined);
      return Promise.resolve({ runs: page, first: first.begin, last: last.begin, batches: page.length });
    },
    rebuilt: ({ from, most }) =>
      Promise.resolve(rebuilt.map((range, ordinal) => ({ ...range, ordinal })).slice(from, from + most)),
  });
  const missing = async (end: number): Promise<IndexRange[]> => {
    await coverage.refresh();
    return coverage.missing({ begin: 0, end });
  };
  return { batches, rebuilt, missing };
}

suite('which entries have keys, as a process that goes on knows it', () => {
  test('grows with what is added and rebuilt', async () => {
    const { batches, rebuilt, missing } = tables();
    assert.deepEqual(await missing(5), [{ begin: 0, end: 5 }]);
    batches.push({ begin: 3, end: 5 });
    assert.deepEqual(await missing(5), [{ begin: 0, end: 3 }]);
    rebuilt.push({ begin: 0, end: 3 });
    batches.push({ begin: 5, end: 6 });
    assert.deepEqual(await missing(6), []);
  });

  test('is forgotten when the tables were emptied, however far a new rebuild has come since', async () => {
    for (const again of [[], [{ begin: 0, end: 2 }], [{ begin: 1, end: 5 }]]) {
      const { rebuilt, missing } = tables();
      rebuilt.push({ begin: 0, end: 5 });
      assert.deepEqual(await missing(5), []);
      rebuilt.splice(0, 1, ...again);
      const [left] = again;
      const gap =
        left === undefined ? { begin: 0, end: 5 } : left.begin === 0 ? { begin: 2, end: 5 } : { begin: 0, end: 1 };
      assert.deepEqual(await missing(5), [gap]);
    }
  });
});
