import { LogError } from '../core/errors.ts';

/** Waits for `work` so long; throws `unavailable` then. The work goes on, and its later failure is nobody's. */
export async function withPatience<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new LogError('unavailable', 'log is temporarily unavailable', { detail: `no answer within ${ms} ms` }));
    }, ms);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for `work` until the signal fires; throws its reason then. The work goes on, and its later failure is nobody's. */
export async function withSignal<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let gone = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    gone = () => reject(signal.reason instanceof Error ? signal.reason : new LogError('cancelled', 'context canceled'));
    if (signal.aborted) gone();
    else signal.addEventListener('abort', gone, { once: true });
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', gone);
  }
}
