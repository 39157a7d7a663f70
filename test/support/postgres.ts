import { rmSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@sigstead/platform';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../cli/src/postgres/index.ts';

/** Set by the test runner: the address of the one PostgreSQL that all test files share. */
export const SHARED_POSTGRES = 'SIGSTEAD_TEST_POSTGRES';

export interface TestPostgres {
  connectionString: string;
  stop(): Promise<void>;
}

/**
 * A PostgreSQL in a temporary folder. Commits are not flushed to the disk: a test may kill every process and still find
 * them, only a power cut would lose them.
 */
export async function startTestPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'sigstead-test-'));
  // As root the server runs under another account, which must be able to pass through.
  await chmod(folder, 0o711);
  const server = await startEmbeddedPostgres({
    dataDir: join(folder, 'postgres'),
    logger: silentLogger,
    settings: { fsync: 'off', max_connections: '200', log_min_messages: 'error', log_checkpoints: 'off' },
  });
  const removeNow = removeAtExit(server, folder);
  return {
    connectionString: server.connectionString,
    async stop() {
      await server.stop();
      process.removeListener('exit', removeNow);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** For a process that ends without stop(): the server ends by itself, but its folder would stay. */
function removeAtExit(server: EmbeddedPostgres, folder: string): () => void {
  const removeNow = (): void => {
    try {
      process.kill(server.pid, 'SIGQUIT');
    } catch {
      // Gone already.
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  };
  process.on('exit', removeNow);
  return removeNow;
}
