import type { GetObjectCommandOutput, PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3';
import { type ExportObject, ObjectStoreError, type StoredObject } from './object-store.ts';

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

/** How long one operation may take, in ms. */
export interface S3Patience {
  connectMs: number;
  answerMs: number;
  /** Pauses between the attempts at an operation whose outcome is not known: one attempt more than pauses. */
  pausesMs: readonly number[];
}

export type Condition = Pick<PutObjectCommandInput, 'IfMatch' | 'IfNoneMatch'>;

/** The requests of an export. Every failure is an ObjectStoreError. */
export interface S3Requests {
  /** Undefined: the condition did not hold, perhaps because an attempt before, whose answer was lost, was carried out. */
  put(name: string, object: ExportObject, condition: Condition): Promise<string | undefined>;
  get(name: string, maxBytes: number): Promise<StoredObject | undefined>;
  /** Names that begin with `prefix`, up to 1000. */
  list(prefix: string): Promise<string[]>;
  remove(name: string): Promise<void>;
  /** Ends what is under way: it fails. */
  close(): void;
}

export interface S3Options {
  pause: (ms: number) => Promise<void>;
  /** Ends what is under way, too. */
  ended: AbortSignal;
  patience: S3Patience;
}

export async function openS3Requests(place: S3Place, options: S3Options): Promise<S3Requests> {
  const { ended, patience } = options;
  const { S3Client, PutObjectCommand, GetObjectCommand, ListObjectsV2Command, DeleteObjectCommand } = await import(
    '@aws-sdk/client-s3'
  );
  const client = new S3Client(clientOptions(place, patience));
  const where = (name: string): { Bucket: string; Key: string } => ({ Bucket: place.bucket, Key: place.prefix + name });
  const deadline = (): { abortSignal: AbortSignal } => ({ abortSignal: AbortSignal.timeout(patience.answerMs) });
  const attempt = attempts(options);
  const end = (): void => client.destroy();
  ended.addEventListener('abort', end, { once: true });

  return {
    put(name, { bytes: Body, contentType: ContentType, cacheControl: CacheControl }, condition) {
      const input = { ...where(name), Body, ContentType, CacheControl, ContentLength: Body.length, ...condition };
      return attempt<string | undefined>(
        name,
        async () => tagOf(name, await client.send(new PutObjectCommand(input), deadline())),
        (error) => (isConditionRefused(error) ? { answer: undefined } : undefined),
      );
    },
    get: (name, maxBytes) =>
      attempt<StoredObject | undefined>(
        name,
        async () => {
          const answer = await client.send(new GetObjectCommand(where(name)), deadline());
          return { bytes: await bodyOf(name, answer, maxBytes), tag: tagOf(name, answer) };
        },
        (error) => (isAbsent(error) ? { answer: undefined } : undefined),
      ),
    list: (prefix) =>
      attempt(prefix, async () => {
        const input = { Bucket: place.bucket, Prefix: place.prefix + prefix, MaxKeys: 1000 };
        const { Contents } = await client.send(new ListObjectsV2Command(input), deadline());
        return (Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key.slice(place.prefix.length)]));
      }),
    remove: (name) =>
      attempt<void>(
        name,
        async () => void (await client.send(new DeleteObjectCommand(where(name)), deadline())),
        (error) => (isAbsent(error) ? { answer: undefined } : undefined),
      ),
    close() {
      ended.removeEventListener('abort', end);
      client.destroy();
    },
  };
}

/** Repeats what may pass. `settled` turns an error into an answer, or gives undefined. */
function attempts({ pause, ended, patience: { pausesMs } }: S3Options) {
  return async <T>(
    name: string,
    send: () => Promise<T>,
    settled: (error: unknown) => { answer: T } | undefined = () => undefined,
  ): Promise<T> => {
    for (let number = 0; ; number++) {
      try {
        return await send();
      } catch (cause) {
        if (cause instanceof ObjectStoreError) throw cause;
        const known = settled(cause);
        if (known !== undefined) return known.answer;
        const pauseMs = pausesMs[number];
        if (pauseMs === undefined || ended.aborted || isRefused(cause)) throw unavailable(name, cause);
        await pause(pauseMs);
      }
    }
  };
}

function clientOptions(place: S3Place, patience: S3Patience): NonNullable<ConstructorParameters<typeof S3Client>[0]> {
  const { region, endpoint, pathStyle, credentials } = place;
  return {
    region,
    // Repeated here, where it is known what a second attempt means.
    maxAttempts: 1,
    // What was read is compared with what it must be: bytes that have changed in the storage are different ones, no error.
    responseChecksumValidation: 'WHEN_REQUIRED',
    forcePathStyle: pathStyle ?? endpoint !== undefined,
    requestHandler: { connectionTimeout: patience.connectMs, socketTimeout: patience.answerMs },
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

function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket';
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
