/** Bytes with the headers they are to be served with, where the storage keeps any. */
export interface ExportObject {
  readonly bytes: Uint8Array;
  readonly contentType: string;
  readonly cacheControl: string;
}

/** An object as it was read. */
export interface StoredObject {
  readonly bytes: Uint8Array;
  /** Names these bytes under this name, for replaceIf(). */
  readonly tag: string;
}

/**
 * Where a log is exported to. Names are relative paths of the tile specification, or `checkpoint`. Any number of
 * processes may use one target at once. A success is durable. Every failure is an ObjectStoreError and means that the
 * operation was done or not; asking again is always safe and tells.
 */
export interface ObjectStore {
  /** Creates an object that will never change. `different`: the name is taken by other bytes, which were left alone. */
  createOnly(name: string, object: ExportObject): Promise<'created' | 'same' | 'different'>;
  /**
   * Replaces the object that had the tag `previous`, or creates it when `previous` is undefined. `lost`: other bytes stand
   * there now. When these very bytes stand there, by whomever, it is a success.
   */
  replaceIf(name: string, object: ExportObject, previous: string | undefined): Promise<{ tag: string } | 'lost'>;
  /** Undefined when there is none. Fails with `too_large` beyond `maxBytes`. */
  get(name: string, maxBytes: number): Promise<StoredObject | undefined>;
  /** Removes what stands in a folder of at most 1000 objects, and says how many there were. */
  removeFolder(folder: string): Promise<number>;
  /** Removes what processes that were killed left behind, where that can happen. */
  tidy(nowMs: number): Promise<void>;
  /** Ends what is under way: it fails. */
  close(): Promise<void>;
}

/**
 * - `unavailable`  not answered, or refused for a reason that may pass (no right, no space, no bucket): try again later
 * - `too_large`    what stands there is larger than anything we write under that name
 * - `unsafe`       the storage does not keep the promises above; nothing may be exported to it
 */
export type ObjectStoreErrorCode = 'unavailable' | 'too_large' | 'unsafe';

export class ObjectStoreError extends Error {
  override readonly name = 'ObjectStoreError';
  readonly code: ObjectStoreErrorCode;

  constructor(code: ObjectStoreErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}

/** Whether both are the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
