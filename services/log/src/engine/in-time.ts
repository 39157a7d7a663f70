/**
 * Resolves or rejects as `work` does, if it does so within `limitMs`; otherwise throws what `late` makes. What comes of the
 * work afterwards is not waited for, and a value that comes late is never seen.
 */
export async function inTime<T>(work: Promise<T>, limitMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
