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
