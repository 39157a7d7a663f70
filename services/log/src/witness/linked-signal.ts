export interface LinkedSignal extends Disposable {
  readonly signal: AbortSignal;
  abort(): void;
}

/**
 * A signal that fires with the first of others, or after a time, until it is disposed of. Signals that live as long as the
 * log would keep a little of each AbortSignal.any() made of them.
 */
export function linkedSignal(sources: readonly AbortSignal[], limitMs?: number): LinkedSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const timer = limitMs === undefined ? undefined : setTimeout(abort, limitMs);
  for (const source of sources) {
    source.addEventListener('abort', abort, { once: true });
    if (source.aborted) abort();
  }
  return {
    signal: controller.signal,
    abort,
    [Symbol.dispose]() {
      clearTimeout(timer);
      for (const source of sources) source.removeEventListener('abort', abort);
    },
  };
}
