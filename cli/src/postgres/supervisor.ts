import { spawn, type ChildProcess } from 'node:child_process';
import type { Account } from './account.ts';
import { spawnOptions } from './run.ts';

/**
 * Runs PostgreSQL and watches two things: PostgreSQL itself, and a pipe whose other end only our process holds. When
 * the pipe ends (we stopped it, or were killed), it asks for a fast shutdown, and for an immediate one 5 s later.
 * Signals to this shell change nothing: a service manager may send them to everyone while requests are in flight.
 */
const SCRIPT = `
trap : INT TERM HUP
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
(
  trap '' INT TERM HUP
  while read -r _ <&3; do :; done
  kill -INT $server
  i=0
  while [ $i -lt 50 ] && kill -0 $server; do sleep 0.1; i=$((i+1)); done
  kill -QUIT $server
) 2>/dev/null &
watch=$!
exec 3<&-
while :; do
  wait $server
  code=$?
  kill -0 $server 2>/dev/null || break
done
kill -KILL $watch
exit $code
`;

export interface Supervised {
  /** Resolves with the exit code when PostgreSQL and its supervisor are gone. */
  readonly ended: Promise<number | null>;
  /** Whether it is still there. */
  isRunning(): boolean;
  /** Ends the pipe: a fast shutdown begins. */
  release(): void;
  /** Whether waiting for it keeps our process alive; at first it does not. */
  hold(): void;
}

/**
 * Starts `command` in a session of its own, so that Ctrl-C in our terminal does not reach it. Its output goes to
 * `logFd`.
 */
export function supervise(account: Account, cwd: string, command: readonly string[], logFd: number): Supervised {
  const child: ChildProcess = spawn('/bin/sh', ['-c', SCRIPT, 'sigstead-postgres', ...command], {
    ...spawnOptions(account, cwd),
    detached: true,
    stdio: ['pipe', logFd, logFd],
  });
  let running = true;
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => {
      running = false;
      reject(error);
    });
    child.once('exit', (code) => {
      running = false;
      resolve(code);
    });
  });
  // Who does not wait for the end must not meet its failure as an unhandled one.
  ended.catch(() => undefined);
  child.stdin?.on('error', () => undefined);
  child.unref();
  (child.stdin as { unref?(): void } | null)?.unref?.();
  return {
    ended,
    isRunning: () => running,
    release: () => child.stdin?.end(),
    hold: () => child.ref(),
  };
}
