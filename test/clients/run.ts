/**
 * `npm run test:clients`: installs the real clients, each at its exact version, and runs their suites. Arguments choose
 * suites by a part of their file name. Clients that this machine cannot run are skipped by name. The longest of our own tests, which need
 * no client, run with them: `npm test` is to end within minutes.
 */
import { globSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { abortOnSignal, runFiles } from '../support/run-files.ts';
import type { Outcome } from '../support/test-events.ts';
import { clientCacheDir } from './cache.ts';
import { provide, provided } from './tool.ts';
import { TOOLS } from './tools.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');
const SUITES = ['test/clients/**/*.test.ts', '{test/e2e,test/fuzz,services/*/test,cli/test}/**/*.long.test.ts'];
const FILE_TIMEOUT_MS = 300_000;

const startMs = performance.now();
const stop = abortOnSignal();

const { skipped, failed } = await installAll();
const files = findSuites(process.argv.slice(2));
const outcome = await runFiles({ files, cwd: ROOT, fileTimeoutMs: FILE_TIMEOUT_MS, signal: stop });
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
  const all = SUITES.flatMap((pattern) => globSync(pattern, { cwd: ROOT, exclude: ['**/node_modules'] }).sort());
  const chosen = filters.length === 0 ? all : all.filter((file) => filters.some((part) => file.includes(part)));
  return chosen.map((file) => resolve(ROOT, file));
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
  process.exitCode = sum > 0 || stop.aborted ? 1 : 0;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`.padStart(7);
}
