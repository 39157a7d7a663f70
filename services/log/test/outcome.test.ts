import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreError } from '../src/core/errors.ts';
import type { SettledView, StoredHead } from '../src/core/ports.ts';
import { halted } from '../src/core/state.ts';
import { settleOutcome } from '../src/engine/outcome.ts';

const head = (size: number, fill: number, note = 'ours'): StoredHead => ({
  size,
  root: new Uint8Array(32).fill(fill),
  timestampMs: 1,
  note: Buffer.from(note),
  ordinal: 0,
});

const base = head(5, 5);
const ours = head(8, 8);

/** What settleOutcome makes of a series of settled reads. */
async function outcome(
  views: (SettledView | StoreError)[],
  isClosing = false,
  catchUp = () => Promise.resolve(),
): Promise<boolean> {
  const left = [...views];
  return settleOutcome({
    store: {
      settle() {
        const next = left.shift();
        assert.ok(next !== undefined, 'asked once more than needed');
        return next instanceof StoreError ? Promise.reject(next) : Promise.resolve(next);
      },
    },
    catchUp,
    base,
    head: ours,
    pause: () => Promise.resolve(),
    isClosing: () => isClosing,
  });
}

test('a batch counts as stored only if the very head that was signed follows its base', async () => {
  assert.equal(await outcome([{ head: ours, successor: ours }]), true);
  assert.equal(await outcome([{ head: head(20, 20), successor: ours }]), true, 'others went on from it');
  assert.equal(await outcome([{ head: base, successor: undefined }]), false);
  // Another process stored the very same entries: same size and root, but its note, and its answers.
  assert.equal(await outcome([{ head: head(8, 8, 'theirs'), successor: head(8, 8, 'theirs') }]), false);
  assert.equal(await outcome([{ head: head(8, 9), successor: head(8, 9) }]), false);
  assert.equal(await outcome([{ head: head(7, 7), successor: head(7, 7) }]), false);
  // The base was read in the transaction whose COMMIT was not acknowledged: it may be gone, and the batch with it.
  assert.equal(await outcome([{ head: head(4, 4), successor: undefined }]), false);
  assert.equal(await outcome([{ head: head(9, 9), successor: undefined }]), false);
});

test('reads that fail say nothing and are repeated; a database that lost its past is never asked again', async () => {
  const lost = new StoreError('lost', 'gone');
  const unknown = new StoreError('unknown', 'not acknowledged');
  assert.equal(await outcome([lost, unknown, lost, { head: ours, successor: ours }]), true);
  const behind = (): Promise<void> => Promise.reject(halted('the head is below what was seen'));
  await assert.rejects(outcome([], false, behind), { code: 'halted' });
  await assert.rejects(outcome([lost, lost, lost, lost, lost], true), { code: 'unavailable' });
});
