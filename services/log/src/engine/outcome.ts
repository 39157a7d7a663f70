import { equalHashes } from '@sigstead/merkle';
import { LogError, StoreError } from '../core/errors.ts';
import type { LogStore, StoredHead } from '../core/ports.ts';

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;
/** Tries that are still made once the process is closing. */
const TRIES_WHEN_CLOSING = 5;

/**
 * Finds out what became of a COMMIT that was not acknowledged: asks, with settled reads, which head follows the size
 * `base`, until there is an answer. Resolves to true only if that is our head, to the last byte of its note: another
 * process may have stored the same entries, and a base that was read but never acknowledged may be gone itself. Nothing
 * else is sequenced meanwhile, and nobody is answered. The server may be another one now, so each try begins with
 * `catchUp`, which compares it with what this process knows and with the mark, and whose LogError is thrown on. Throws
 * `unavailable` when the process closes without an answer.
 */
export async function settleOutcome(options: {
  store: Pick<LogStore, 'settle'>;
  catchUp: () => Promise<void>;
  base: { size: number };
  head: StoredHead;
  pause: (ms: number) => Promise<void>;
  isClosing: () => boolean;
}): Promise<boolean> {
  const { store, base, head } = options;
  for (let tries = 1; ; tries++) {
    try {
      await options.catchUp();
      const { successor } = await store.settle({ afterSize: base.size });
      return successor !== undefined && sameHead(successor, head);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (options.isClosing() && tries >= TRIES_WHEN_CLOSING) {
        throw new LogError('unavailable', 'failed to integrate entry', { cause: error });
      }
      await options.pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(tries, 10)));
    }
  }
}

function sameHead(a: StoredHead, b: StoredHead): boolean {
  return a.size === b.size && equalHashes(a.root, b.root) && Buffer.compare(a.note, b.note) === 0;
}
