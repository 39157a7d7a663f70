import { run } from 'node:test';
import { spec as SpecReporter } from 'node:test/reporters';
import { type Outcome, type TestEvent, TestEvents } from './test-events.ts';

export interface RunFilesOptions {
  /** Absolute paths, run in this order. */
  readonly files: readonly string[];
  readonly cwd: string;
  /** A file that takes longer has failed. */
  readonly fileTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** Two cores: while some files wait, for the disk, a limit or another program, others compute. */
const CONCURRENCY = 3;

/** Runs test files, each in a process of its own, shows them as they go, and counts. */
export async function runFiles({ files, cwd, fileTimeoutMs, signal }: RunFilesOptions): Promise<Outcome> {
  const events = new TestEvents();
  if (files.length === 0) return events.outcome();
  const reporter = new SpecReporter();
  reporter.pipe(process.stdout);
  const stream = run({ files: [...files], concurrency: CONCURRENCY, timeout: fileTimeoutMs, signal, cwd });
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

/** Aborted by the first signal that asks this process to end, so that what it started can be stopped. */
export function abortOnSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  return stop.signal;
}
