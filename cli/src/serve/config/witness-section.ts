import { c } from '@sigstead/platform';
import type { Fail } from './listener-rules.ts';
import type { ServeFile } from './sections.ts';
import { filePath } from './values.ts';

const milliseconds = (min: number, max: number): ReturnType<typeof c.integer> =>
  c.integer({ min, max, unit: 'milliseconds' });

/** How a log has its checkpoints witnessed: the keys of `logs.witness`. */
export const witness = {
  policyFile: filePath,
  mode: c.withDefault(c.oneOf('fail-open', 'fail-closed'), 'fail-open'),
  timeoutMs: c.withDefault(milliseconds(50, 10_000), 1_000),
  intervalMs: c.withDefault(milliseconds(50, 15_000), 1_000),
  waitMs: c.withDefault(milliseconds(100, 20_000), 4_000),
};

export function checkWitnesses({ logs }: ServeFile, fail: Fail): void {
  logs.forEach(({ kind, witness: wanted }, i) => {
    if (wanted === undefined) return;
    const path = `logs[${i}].witness`;
    if (kind !== 'rekor-v2')
      fail(path, 'is for kind rekor-v2 only: tree heads of RFC 6962 have no room for cosignatures');
    const { timeoutMs, intervalMs, waitMs } = wanted;
    if (waitMs >= timeoutMs + intervalMs) return;
    fail(
      `${path}.waitMs`,
      `must be at least timeoutMs and intervalMs together (${timeoutMs + intervalMs}): an answer waits for the next round, and for its end`,
    );
  });
}
