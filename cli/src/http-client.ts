import { Failure, messageOf } from './failure.ts';

export interface FetchOptions {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly timeoutMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly bytes: Buffer<ArrayBuffer>;
}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 8 * 2 ** 20;

/** One request; redirects are not followed. Throws a Failure that names the address. */
export async function request(url: string, options: FetchOptions = {}): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: options.method ?? 'GET',
      redirect: 'error',
      signal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS),
      ...(options.headers === undefined ? {} : { headers: options.headers }),
      ...(options.body === undefined ? {} : { body: options.body }),
    });
    return { status: response.status, bytes: await readBounded(response) };
  } catch (error) {
    throw new Failure(
      `no instance answers at ${new URL(url).origin} (${reason(error)}): start one with npm start, or name another with --url`,
      {
        cause: error,
      },
    );
  }
}

async function readBounded(response: Response): Promise<Buffer<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    const bytes = part as Uint8Array;
    size += bytes.length;
    if (size > MAX_ANSWER_BYTES) throw new Error('the answer is too large');
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}

/** fetch hides what went wrong behind "fetch failed". */
function reason(error: unknown): string {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const inner: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  return messageOf(inner ?? error);
}
