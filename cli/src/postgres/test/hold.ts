/** A process that holds an embedded PostgreSQL until its standard input ends. Says what happens as JSON lines. */
import { silentLogger } from '@sigstead/platform';
import { EmbeddedPostgresError, startEmbeddedPostgres } from '../index.ts';

const [dataDir = '', umask] = process.argv.slice(2);
if (umask !== undefined) process.umask(Number.parseInt(umask, 8));
// As when a terminal's Ctrl-C reaches the whole foreground group: this process decides for itself.
process.on('SIGINT', () => undefined);

const say = (value: unknown): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);
try {
  const server = await startEmbeddedPostgres({
    dataDir,
    logger: silentLogger,
    onProgress: (step) => step !== 'ready' && say({ step }),
  });
  say({ step: 'ready', pid: server.pid, connectionString: server.connectionString });
  process.stdin.resume();
  process.stdin.once('end', () => void server.stop());
} catch (error) {
  const code = error instanceof EmbeddedPostgresError ? error.code : 'unknown';
  say({ step: 'failed', code, message: String((error as Error).message) });
}
