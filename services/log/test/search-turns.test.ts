import assert from 'node:assert/strict';
import { test } from 'node:test';
import { searchKey } from '../src/core/rekor-v2/search-keys.ts';
import { storedKey } from '../src/core/search-rows.ts';
import { LoadGate } from '../src/read/load-gate.ts';
import { Searcher } from '../src/search/searcher.ts';
import { sha256 } from './support/test-log.ts';

/** Entries of one batch, all of one key, all in memory. */
const ENTRIES = 120;
const digest = sha256(Buffer.from('artifact'));
const term = { kind: 'artifact', hash: 'sha256', digest } as const;

const leaf = Buffer.from(
  JSON.stringify({
    spec: {
      hashedRekordV002: {
        data: { algorithm: 'SHA2_256', digest: Buffer.from(digest).toString('base64') },
        signature: { verifier: { publicKey: { rawBytes: 'AAAA' } } },
      },
    },
  }),
);

test('others are let through while a search judges entries that it need not wait for', async () => {
  const places = Buffer.alloc(ENTRIES * 2);
  for (let i = 0; i < ENTRIES; i++) places.writeUInt16BE(i, i * 2);
  const row = { firstIndex: 0, entryCount: ENTRIES, key: storedKey(searchKey(term, sha256)), places };
  let nowMs = 0;
  const searcher = new Searcher({
    index: {
      size: () => Promise.resolve(ENTRIES),
      batchOf: () => Promise.resolve(0),
      count: () => Promise.resolve([1]),
      rows: () => Promise.resolve([row]),
      storedWith: () => Promise.resolve({ runs: [{ begin: 0, end: ENTRIES }], first: 0, last: 0, batches: 1 }),
      rebuilt: () => Promise.resolve([]),
    },
    coverage: { refresh: () => Promise.resolve(), missing: () => [] },
    gate: new LoadGate(),
    shownTree: () =>
      Promise.resolve({
        size: ENTRIES,
        root: digest,
        note: Buffer.alloc(0),
        leaf: () => Promise.resolve(leaf),
        proof: () => Promise.resolve([]),
      }),
    sha256,
    // As if everything took a millisecond.
    nowMs: () => nowMs++,
  });
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns += 1;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    const { hits } = await searcher.search({ terms: [term], from: 0, limit: 100 }, new AbortController().signal);
    assert.deepEqual(
      hits.map(({ index }) => index),
      Array.from({ length: 100 }, (_, i) => i),
    );
    assert.ok(turns >= 10, `the loop has turned ${turns} times`);
  } finally {
    isOver = true;
  }
});
