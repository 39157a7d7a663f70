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
