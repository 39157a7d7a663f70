import type { EventEmitter } from 'node:events';

/** Why the instance should end. */
export type StopReason = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'parent-gone' | 'database-lost';

export interface StopOptions {
  /** The process, or a stand-in for tests. */
  readonly signals: Pick<EventEmitter, 'on' | 'off'>;
  readonly nowMs: () => number;
  readonly parentPid: () => number;
  /** The parent this process was started by. */
  readonly firstParentPid: number;
  /** Asked again although it is already stopping: say so once. */
  readonly onImpatience: () => void;
  /** Asked a third time: end now. */
  readonly onForce: () => void;
  readonly pollMs?: number;
}

export interface StopWatch {
  /** Resolves once, with the first reason. */
  readonly stopped: Promise<StopReason>;
  request(reason: StopReason): void;
  close(): void;
}

/**
 * One press of Ctrl-C arrives more than once: from the terminal, and again from npm, which passes it on. Signals this
 * close together are one wish.
 */
const SAME_WISH_MS = 500;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Waits for a wish to stop: a signal, or the end of the process that started us. */
export function watchForStop(options: StopOptions): StopWatch {
  let resolveStopped: (reason: StopReason) => void = () => undefined;
  const stopped = new Promise<StopReason>((resolve) => {
    resolveStopped = resolve;
  });
  let wishes = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  const request = (reason: StopReason): void => {
    const nowMs = options.nowMs();
    const same = nowMs - lastMs < SAME_WISH_MS;
    lastMs = nowMs;
    if (same && wishes > 0) return;
    wishes += 1;
    if (wishes === 1) resolveStopped(reason);
    else if (wishes === 2) options.onImpatience();
    else options.onForce();
  };
  const listeners = SIGNALS.map((name) => [name, () => request(name)] as const);
  for (const [name, listener] of listeners) options.signals.on(name, listener);
  const poll = setInterval(() => {
    if (wishes === 0 && options.parentPid() !== options.firstParentPid) request('parent-gone');
  }, options.pollMs ?? 500);
  poll.unref();
  const close = (): void => {
    clearInterval(poll);
    for (const [name, listener] of listeners) options.signals.off(name, listener);
  };
  return { stopped, request, close };
}

/** Where a process that stops says what it has to say. */
export interface StopIo {
  readonly process: NodeJS.Process;
  readonly writeError: (text: string) => void;
  /** Ends the process at once. */
  readonly exitNow: (code: number) => never;
}

/** However the end comes about, it comes: `deadlineMs` after the wish the process ends, whatever of ours hangs. */
export function endAtLatest(stop: StopWatch, deadlineMs: number, io: Pick<StopIo, 'writeError' | 'exitNow'>): void {
  void stop.stopped.then(() => {
    setTimeout(() => {
      io.writeError('sigstead: something did not stop in time; ended without it\n');
      io.exitNow(1);
    }, deadlineMs).unref();
  });
}

/** The wish to stop a process that runs under a supervisor of its own, and does not end with the shell that started it. */
export function watchSupervised(deadlineMs: number, io: StopIo): StopWatch {
  const stop = watchForStop({
    signals: io.process,
    nowMs: () => performance.now(),
    parentPid: () => 0,
    firstParentPid: 0,
    onImpatience: () => io.writeError('sigstead: still stopping; once more ends it at once\n'),
    onForce: () => io.exitNow(130),
  });
  endAtLatest(stop, deadlineMs, io);
  return stop;
}
