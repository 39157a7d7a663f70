import { openPool } from '@sigstead/platform';
import { Failure } from '../../failure.ts';
import { startStep } from '../../serve/services/start-failure.ts';
import type { LogSite } from '../log-site.ts';

/**
 * One rotation of a log at a time, by whatever machine: a lock of a database session, which ends with this process. It is there so
 * that two people hear of each other; each step is safe against another one without it. Throws a Failure.
 */
export async function withRotationLock<T>(site: LogSite, name: string, run: () => Promise<T>): Promise<T> {
  const { config, connectionString, logger } = site;
  const pool = openPool({ connectionString, logger, max: 1, applicationName: 'sigstead-rotate' });
  try {
    const client = await startStep('database', config.path, () => pool.connect());
    try {
      const text = 'select pg_try_advisory_lock(hashtextextended($1, 0)) as held';
      const { rows } = await client.query<{ held: boolean }>(text, [`sigstead rotate ${name}`]);
      if (rows[0]?.held !== true) {
        throw new Failure(`another sigstead log rotate is at work on ${name}: wait until it has ended`);
      }
      return await run();
    } finally {
      // The lock ends with the session.
      client.release(true);
    }
  } finally {
    await pool.end();
  }
}
