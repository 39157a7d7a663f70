/**
 * - `unreachable` the source does not answer at all: the check cannot go on
 * - `unreadable`  this resource cannot be had (too large, refused, not to be decoded); others may
 */
export type SourceErrorCode = 'unreachable' | 'unreadable';

export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly code: SourceErrorCode;

  constructor(code: SourceErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}

/** What is named as a checkpoint is: its bytes, or why there are none. */
export type FoundNote = { name: string; bytes: Uint8Array } | { name: string; problem: string };

/** A published log: resources by their path. SPEC: C2SP tlog-tiles, "APIs". Reads may run in parallel. */
export interface TreeSource {
  /** For reports; without credentials. */
  readonly name: string;
  /**
   * The bytes of a resource, undefined when there is none of that path. Never holds more than `maxBytes` of it in
   * memory: a larger one is `unreadable`. Retries by itself where that helps. Throws SourceError.
   */
  read(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /**
   * Widths (1 to 256) of all stored forms of a tile or bundle, given the path of its full form, in rising order. Left
   * out by sources that cannot list.
   */
  forms?(fullPath: string): Promise<number[]>;
  /** Other checkpoints that lie beside the one of the log, such as kept older ones. Left out by sources that cannot list. */
  notes?(): Promise<FoundNote[]>;
  close(): Promise<void>;
}
