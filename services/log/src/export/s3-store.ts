import type { GetObjectCommandOutput, PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3';
import { type ExportObject, type ObjectStore, ObjectStoreError, sameBytes, type StoredObject } from './object-store.ts';

/** Where objects go. */
export interface S3Place {
  bucket: string;
  /** Before every name: empty, or ends in `/`. */
  prefix: string;
  region: string;
  /** For anything but AWS: `https://s3.example.com`. */
  endpoint?: string;
  /** The bucket in the path instead of the host name; default true when there is an endpoint. */
  pathStyle?: boolean;
  /** Default: the ways of the AWS SDK (environment, instance role, …). */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}

/** Attempts at one operation whose outcome is not known, and the pauses between them. */
const ATTEMPTS = 3;
const PAUSES_MS = [100, 500];
const CONNECT_TIMEOUT_MS = 5_000;
const ANSWER_TIMEOUT_MS = 20_000;

/** For the first question to a storage: does it honour conditions? */
const PROBE = '.sigstead-conditions';
const NO_SUCH_TAG = '"00000000000000000000000000000000"';

type Condition = Pick<PutObjectCommandInput, 'IfMatch' | 'IfNoneMatch'>;

/**
 * S3-compatible storage. Every write has a condition, and the storage's own compare decides: a write whose answer was lost
 * is repeated under the same condition, which is then refused because the first one was done, and what stands there is read
 * back and compared. Throws `unsafe` when the storage ignores conditions. SPEC: RFC 9110 §13.1
 */
export async function openS3Store(
  place: S3Place,
  options: { pause: (ms: number) => Promise<void>; ended: AbortSignal },
): Promise<ObjectStore> {
  const { pause, ended } = options;
  const { S3Client, PutObjectCommand, GetObjectCommand } = await import('@aws-sdk/client-s3');
  const client = new S3Client(clientOptions(place));
  const where = (name: string): { Bucket: string; Key: string } => ({ Bucket: place.bucket, Key: place.prefix + name });

  // Ends what is under way, too.
  const end = (): void => client.destroy();
  ended.addEventListener('abort', end, { once: true });
  const deadline = (): { abortSignal: AbortSignal } => ({ abortSignal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });

  /** Repeats what may pass. `settled` turns an error into an answer, or gives undefined. */
  async function attempt<T>(
    name: string,
    send: () => Promise<T>,
    settled: (error: unknown) => T | undefined,
  ): Promise<T> {
    for (let attempts = 1; ; attempts++) {
      try {
        return await send();
      } catch (cause) {
        if (cause instanceof ObjectStoreError) throw cause;
        const answer = settled(cause);
        if (answer !== undefined) return answer;
        if (attempts >= ATTEMPTS || ended.aborted || isRefused(cause)) throw unavailable(name, cause);
        await pause(PAUSES_MS[attempts - 1] ?? 0);
      }
    }
  }

  /** Undefined tag: the condition did not hold. */
  async function put(name: string, object: ExportObject, condition: Condition): Promise<{ tag: string | undefined }> {
    const { bytes: Body, contentType: ContentType, cacheControl: CacheControl } = object;
    const input = { ...where(name), Body, ContentType, CacheControl, ContentLength: Body.length, ...condition };
    return attempt<{ tag: string | undefined }>(
      name,
      async () => ({ tag: tagOf(name, await client.send(new PutObjectCommand(input), deadline())) }),
      (error) => (isConditionRefused(error) ? { tag: undefined } : undefined),
    );
  }

  async function get(name: string, maxBytes: number): Promise<StoredObject | undefined> {
    const found = await attempt<{ object: StoredObject | undefined }>(
      name,
      async () => {
        const answer = await client.send(new GetObjectCommand(where(name)), deadline());
        return { object: { bytes: await bodyOf(name, answer, maxBytes), tag: tagOf(name, answer) } };
      },
      (error) => (statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket' ? { object: undefined } : undefined),
    );
    return found.object;
  }

  async function readBack(name: string, bytes: Uint8Array): Promise<{ tag: string } | 'different' | 'absent'> {
    try {
      const there = await get(name, bytes.length);
      if (there === undefined) return 'absent';
      return sameBytes(there.bytes, bytes) ? { tag: there.tag } : 'different';
    } catch (error) {
      if (error instanceof ObjectStoreError && error.code === 'too_large') return 'different';
      throw error;
    }
  }

  const store: ObjectStore = {
    async createOnly(name, object) {
      const { tag } = await put(name, object, { IfNoneMatch: '*' });
      if (tag !== undefined) return 'created';
      const there = await readBack(name, object.bytes);
      if (there === 'absent') throw new ObjectStoreError('unavailable', `${name} comes and goes`);
      return there === 'different' ? 'different' : 'same';
    },
    async replaceIf(name, object, previous) {
      const condition: Condition = previous === undefined ? { IfNoneMatch: '*' } : { IfMatch: previous };
      const { tag } = await put(name, object, condition);
      if (tag !== undefined) return { tag };
      const there = await readBack(name, object.bytes);
      if (there === 'absent' && previous === undefined) {
        throw new ObjectStoreError('unavailable', `${name} comes and goes`);
      }
      return typeof there === 'string' ? 'lost' : there;
    },
    get,
    close() {
      ended.removeEventListener('abort', end);
      client.destroy();
      return Promise.resolve();
    },
  };

  try {
    await checkConditions(put);
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** A storage that ignores conditions would let a slow process put back an older checkpoint. */
async function checkConditions(
  put: (name: string, object: ExportObject, condition: Condition) => Promise<{ tag: string | undefined }>,
): Promise<void> {
  const probe = { bytes: Buffer.from('conditions\n'), contentType: 'text/plain', cacheControl: 'no-store' };
  await put(PROBE, probe, { IfNoneMatch: '*' });
  for (const condition of [{ IfNoneMatch: '*' }, { IfMatch: NO_SUCH_TAG }]) {
    if ((await put(PROBE, probe, condition)).tag === undefined) continue;
    const named = Object.keys(condition).join();
    throw new ObjectStoreError('unsafe', `the storage ignores conditions (${named}): it cannot hold an export`);
  }
}

function clientOptions(place: S3Place): NonNullable<ConstructorParameters<typeof S3Client>[0]> {
  const { region, endpoint, pathStyle, credentials } = place;
  return {
    region,
    // Repeated here, where it is known what a second attempt means.
    maxAttempts: 1,
    // What was read is compared with what it must be: bytes that have changed in the storage are different ones, no error.
    responseChecksumValidation: 'WHEN_REQUIRED',
    forcePathStyle: pathStyle ?? endpoint !== undefined,
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: ANSWER_TIMEOUT_MS },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

async function bodyOf(name: string, answer: GetObjectCommandOutput, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of (answer.Body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length;
    // Leaving the loop ends the stream.
    if (length > maxBytes) throw new ObjectStoreError('too_large', `${name} has more than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Without a tag nothing could be replaced safely. */
function tagOf(name: string, answer: { ETag?: string | undefined }): string {
  if (answer.ETag !== undefined && answer.ETag !== '') return answer.ETag;
  throw new ObjectStoreError('unsafe', `the storage gave no ETag for ${name}`);
}

/** 404 is the answer to If-Match when there is no object. A conflict (409) decides nothing. */
function isConditionRefused(error: unknown): boolean {
  return statusOf(error) === 412 || (statusOf(error) === 404 && nameOf(error) === 'NoSuchKey');
}

/** A second attempt would be answered the same way. */
function isRefused(error: unknown): boolean {
  const status = statusOf(error);
  return status !== undefined && status >= 400 && status < 500 && ![408, 409, 429].includes(status);
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

function unavailable(name: string, cause: unknown): ObjectStoreError {
  return new ObjectStoreError('unavailable', `${name}: ${String(cause)}`, { cause });
}
