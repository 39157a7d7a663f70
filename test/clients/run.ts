/**
 * `npm run test:clients`: installs the real clients, each at its exact version, and runs their suites. Arguments choose
 * suites by a part of their file name. Clients that this machine cannot run are skipped by name.
 */
import { globSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { run } from 'node:test';
import { spec as SpecReporter } from 'node:test/reporters';
import { TestEvents, type Outcome, type TestEvent } from '../support/test-events.ts';
import { clientCacheDir } from './cache.ts';
import { provide, provided, TOOLS } from './tools.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');
const FILE_TIMEOUT_MS = 300_000;
const CONCURRENCY = 2;

const startMs = performance.now();
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());

const { skipped, failed } = await installAll();
const files = findSuites(process.argv.slice(2));
const outcome = await runSuites(files);
report(outcome);

/** Tells the suites by environment variables where the programs are, or why one is missing. */
async function installAll(): Promise<{ skipped: string[]; failed: string[] }> {
  const cacheDir = clientCacheDir(process.env);
  const result: { skipped: string[]; failed: string[] } = { skipped: [], failed: [] };
  console.log(`Clients in ${cacheDir}`);
  for (const tool of TOOLS) {
    const beganMs = performance.now();
    try {
      const present = await provided(tool, cacheDir);
      const reason = present === undefined ? await tool.missing() : undefined;
      if (reason !== undefined) {
        result.skipped.push(`${tool.name}: ${reason}`);
        process.env[`${tool.variable}_MISSING`] = reason;
        console.log(`  skipped  ${tool.name}: ${reason}`);
        continue;
      }
      if (present === undefined) console.log(`           ${tool.name} is being installed`);
      process.env[tool.variable] = present ?? (await provide(tool, cacheDir));
      console.log(`  ${seconds(performance.now() - beganMs)}  ${tool.name}`);
    } catch (error) {
      result.failed.push(`${tool.name} was not installed: ${(error as Error).message}`);
      process.env[`${tool.variable}_MISSING`] = 'its installation failed';
      console.log(`  FAILED   ${tool.name}: ${(error as Error).message}`);
    }
  }
  return result;
}

function findSuites(filters: readonly string[]): string[] {
  const all = globSync('test/clients/**/*.test.ts', { cwd: ROOT }).sort();
  const chosen = filters.length === 0 ? all : all.filter((file) => filters.some((part) => file.includes(part)));
  return chosen.map((file) => resolve(ROOT, file));
}

async function runSuites(paths: string[]): Promise<Outcome> {
  const events = new TestEvents();
  if (paths.length === 0) return events.outcome();
  const reporter = new SpecReporter();
  reporter.pipe(process.stdout);
  const stream = run({
    files: paths,
    concurrency: CONCURRENCY,
    timeout: FILE_TIMEOUT_MS,
    signal: stop.signal,
    cwd: ROOT,
  });
  for await (const event of stream as AsyncIterable<TestEvent>) {
    events.add(event);
    reporter.write(event);
  }
  await new Promise<void>((done) => {
    reporter.once('end', done);
    reporter.end();
  });
  return events.outcome();
}

function report(result: Outcome): void {
  console.log('\nTime by suite');
  for (const [file, ms] of result.durations) console.log(`  ${seconds(ms)}  ${relative(ROOT, file)}`);
  console.log(`Whole run ${seconds(performance.now() - startMs).trim()}`);
  for (const line of skipped) console.log(`SKIPPED ${line}`);
  if (result.skipped > 0) console.log(`${result.skipped} skipped or to do`);
  for (const fault of [...result.faults, ...failed]) console.log(`FAULT: ${fault}`);
  const sum = result.failed + failed.length;
  console.log(`${result.passed} passed, ${sum} failed`);
  process.exitCode = sum > 0 || stop.signal.aborted ? 1 : 0;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`.padStart(7);
}
