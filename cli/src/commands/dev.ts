import type { DevFlags } from '../flags/dev.ts';
import { readyScreen } from '../dev/screen.ts';
import { startDev, type StartDevIo } from '../dev/start.ts';
import { endAtLatest, type StopReason, type StopWatch, watchForStop } from '../dev/stop.ts';
import { Failure } from '../failure.ts';

export interface DevIo extends StartDevIo {
  readonly process: NodeJS.Process;
  /** The process whose end is ours too. */
  readonly parentPid: number;
  /** Ends the process at once; PostgreSQL notices by itself. */
  readonly exitNow: (code: number) => never;
}

/** Requests get 8 s to be answered, PostgreSQL 15 s to stop. */
const STOP_DEADLINE_MS = 30_000;

/** Runs an instance until it is told to stop. Returns when everything is closed; throws a Failure. */
export async function devCommand(flags: DevFlags, io: DevIo): Promise<void> {
  const stop = watchForStop({
    signals: io.process,
    nowMs: () => performance.now(),
    parentPid: () => io.process.ppid,
    firstParentPid: io.parentPid,
    onImpatience: () => io.writeError('  still stopping; once more ends it at once\n'),
    onForce: () => io.exitNow(130),
  });
  const starting = new AbortController();
  void stop.stopped.then(() => starting.abort());
  try {
    await run(flags, io, stop, starting.signal);
  } finally {
    stop.close();
  }
}

async function run(flags: DevFlags, io: DevIo, stop: StopWatch, signal: AbortSignal): Promise<void> {
  endAtLatest(stop, STOP_DEADLINE_MS, io);
  const instance = await startDev(flags, io, signal);
  // Stopped while it started: startDev has closed everything.
  if (instance === undefined) return;
  void instance.lost.then(() => stop.request('database-lost'));
  let reason: StopReason;
  try {
    await instance.announce();
    io.write(readyScreen(instance.screen));
    reason = await stop.stopped;
    io.write(`  stopping (${reason})\n`);
  } finally {
    await instance.close();
  }
  if (reason === 'database-lost') throw new Failure(`PostgreSQL ended by itself: see ${instance.databaseLog}`);
}
