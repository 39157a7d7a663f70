/**
 * `npm test`: all tests of all rooms on one PostgreSQL. `npm test -- services/log …` runs the files with that in their path.
 * The long ones (`*.long.test.ts`) run where they are named, and with `npm run test:clients`.
 */
import { globSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { SHARED_POSTGRES, startTestPostgres } from './support/postgres.ts';
import { abortOnSignal, runFiles } from './support/run-files.ts';
import type { Outcome } from './support/test-events.ts';

const ROOT = resolve(import.meta.dirname, '..');
const PATTERNS = [
  'test/e2e/**/*.test.ts',
  'services/*/{src,test}/**/*.test.ts',
  'cli/{src,test}/**/*.test.ts',
  'packages/*/{src,test}/**/*.test.ts',
  'test/fuzz/**/*.test.ts',
  'test/support/**/*.test.ts',
  'bench/**/*.test.ts',
];
const LONG = '.long.test.ts';
const FILE_TIMEOUT_MS = 600_000;

const files = findFiles(process.argv.slice(2));
if (files.length === 0) {
  console.error(`no test file matches: ${process.argv.slice(2).join(' ')}`);
  console.log('0 passed, 1 failed');
  process.exit(1);
}
const stop = abortOnSignal();

const startMs = performance.now();
const postgres = await startTestPostgres().catch((error: unknown) => {
  console.error(error);
  console.log('0 passed, 1 failed');
  process.exit(1);
});
let outcome: Outcome;
try {
  process.env[SHARED_POSTGRES] = postgres.connectionString;
  outcome = await runFiles({ files, cwd: ROOT, fileTimeoutMs: FILE_TIMEOUT_MS, signal: stop });
} finally {
  await postgres.stop();
}
report(outcome);
process.exitCode = outcome.failed > 0 || stop.aborted ? 1 : 0;

function findFiles(filters: readonly string[]): string[] {
  // A pattern at a time: the order of the rooms is the order of the run, longest first.
  const all = PATTERNS.flatMap((pattern) => globSync(pattern, { cwd: ROOT, exclude: ['**/node_modules'] }).sort());
  const wanted = filters.map((filter) => filter.replace(/^\.\//, '').split(sep).join('/'));
  const isChosen = (file: string): boolean =>
    wanted.length === 0 ? !file.endsWith(LONG) : wanted.some((part) => file.includes(part));
  const chosen = all.filter(isChosen);
  return chosen.map((file) => resolve(ROOT, file));
}

function report({ passed, failed, skipped, faults, durations }: Outcome): void {
  const rooms = new Map<string, { files: number; ms: number }>();
  for (const [file, ms] of durations) {
    const room = roomOf(file);
    const sum = rooms.get(room) ?? { files: 0, ms: 0 };
    rooms.set(room, { files: sum.files + 1, ms: sum.ms + ms });
  }
  console.log('\nTime by suite');
  for (const [room, { files: count, ms }] of rooms) console.log(`  ${seconds(ms)}  ${room} (${count} files)`);
  const slowest = [...durations].sort(([, a], [, b]) => b - a).slice(0, 20);
  console.log('Slowest files');
  for (const [file, ms] of slowest) console.log(`  ${seconds(ms)}  ${relative(ROOT, file)}`);
  console.log(`Whole run ${seconds(performance.now() - startMs).trim()}`);
  if (skipped > 0) console.log(`${skipped} skipped or to do`);
  for (const fault of faults) console.log(`FAULT: ${fault.replaceAll(`${ROOT}${sep}`, '')}`);
  console.log(`${passed} passed, ${failed} failed`);
}

/** `services/log/test/x.test.ts` → `services/log`; `cli/src/…` → `cli`. */
function roomOf(file: string): string {
  return dirname(relative(ROOT, file))
    .split(sep)
    .filter((part, i) => i < 2 && part !== 'src' && (i === 0 || part !== 'test'))
    .join('/');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`.padStart(8);
}
