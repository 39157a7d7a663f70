/** What the first process says to a worker. */
export type ToWorker =
  /** Begin. `text` is the configuration as the first process read it. */
  | { readonly kind: 'start'; readonly path: string; readonly text: string; readonly slot: number }
  /** Answer what is under way, then end. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'metrics'; readonly id: number };

/** What a worker says. */
export type FromWorker =
  | { readonly kind: 'ready'; readonly addresses: readonly string[] }
  /** A sign of life, every BEAT_MS while it serves. */
  | { readonly kind: 'alive' }
  /** It could not start, and ends. One line for the operator. */
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'metrics'; readonly id: number; readonly text: string };
