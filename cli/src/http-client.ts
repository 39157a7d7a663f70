import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Failure, messageOf } from './failure.ts';

export interface FetchOptions {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly bytes: Buffer;
}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 8 * 2 ** 20;

/**
 * One request; redirects are not followed. Not `fetch`: that refuses some ports, and an instance may be on any.
 * Throws a Failure that names the address.
 */
export async function request(url: string, options: FetchOptions = {}): Promise<Answer> {
  try {
    const response = await send(url, options);
    return { status: response.statusCode ?? 0, bytes: await readBounded(response) };
  } catch (error) {
    const { origin } = new URL(url);
    throw new Failure(
      `no instance answers at ${origin} (${reason(error)}): start one with npm start, or name another with --url`,
      { cause: error },
    );
  }
}

function send(url: string, options: FetchOptions): Promise<IncomingMessage> {
  const { body, headers = {}, method = 'GET', timeoutMs = TIMEOUT_MS } = options;
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const sent = request(url, { method, headers, signal, agent: false }, resolve);
    sent.on('error', reject);
    // A server that changes the protocol (101) ends the request with neither an answer nor an error.
    sent.on('close', () => reject(new Error('closed without an answer')));
    sent.end(body);
  });
}

async function readBounded(response: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_ANSWER_BYTES) throw new Error('the answer is too large');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** With several addresses of one name the first failure speaks for all. */
function reason(error: unknown): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return messageOf(first);
}
