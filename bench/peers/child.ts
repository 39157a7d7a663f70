import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Target } from '../log/connection.ts';
import { stopChild } from '../stop-child.ts';

const START_MS = 30_000;
const STOP_MS = 10_000;

/** Resolves when somebody listens there; rejects when the child has ended, or takes too long. */
export async function listening(target: Target, child: ChildProcess): Promise<void> {
  for (const untilMs = performance.now() + START_MS; ; await wait(50)) {
    const socket = connect(target);
    try {
      await once(socket, 'connect');
      return;
    } catch (error) {
      if (child.exitCode !== null || performance.now() > untilMs) throw error;
    } finally {
      socket.destroy();
    }
  }
}

/** Ends a server of a comparison. */
export function stop(child: ChildProcess): Promise<void> {
  return stopChild(child, STOP_MS);
}
