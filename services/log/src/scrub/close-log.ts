import type { LogStore } from '../core/ports.ts';

/**
 * Makes a log read-only for all its processes, behind its lock, whatever its tree looks like: nothing is compared and
 * nothing signed. A log that takes no entries already is left as it is. Throws StoreError.
 */
export async function closeLog(store: Pick<LogStore, 'begin'>, nowMs: number): Promise<void> {
  const tx = await store.begin();
  try {
    // Beyond every size: what was appended is of no interest here.
    const { head, state } = await tx.look({ identities: [], fromSize: Number.MAX_SAFE_INTEGER });
    if (state === 'active') {
      // Later than every note before, so that all processes see that there is something newer.
      const timestampMs = Math.max(nowMs, head.timestampMs + 1);
      await tx.insertState({ state: 'read-only', size: head.size, timestampMs });
    }
    // Also when nothing is changed: what was read may be lost in a failover until a COMMIT behind it is acknowledged.
    await tx.commit();
  } catch (error) {
    await tx.rollback();
    throw error;
  }
}
