/** A process of its own that appends without end and prints what was acknowledged: `<index> <text>` a line. */
import { openLog } from '../../src/open-log.ts';
import { openPool, silentLogger, systemClock } from '@sigstead/platform';
import { postgresStore } from '../../src/store/postgres-store.ts';
import { hasher, seenMetrics, text, textPersonality } from './test-log.ts';

const [connectionString = '', name = '', key = ''] = process.argv.slice(2);
const pool = openPool({ connectionString, logger: silentLogger, max: 2 });
const log = await openLog({
  name: 'test',
  hasher,
  store: postgresStore({ connectionString, pool, logId: 1 }),
  personality: textPersonality({ privateKeyPem: Buffer.from(key, 'base64').toString() }),
  clock: systemClock,
  logger: silentLogger,
  metrics: seenMetrics(),
});
const append = async (worker: number): Promise<void> => {
  for (let n = 0; ; n++) {
    const value = `${name} ${worker} ${n}`;
    const receipt = await log.sequencer.append(text(value));
    process.stdout.write(`${receipt.index} ${value}\n`);
  }
};
await Promise.all(Array.from({ length: 16 }, (_, worker) => append(worker)));
