import type { WitnessAnswer, WitnessFailure } from '../core/witness/answer.ts';

/** Far above sixteen cosignatures of the largest kind. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** No answer that could be judged. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly reason: WitnessFailure;

  constructor(reason: WitnessFailure, message: string, options?: { cause: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/**
 * Sends one add-checkpoint request. The address is the operator's, never a witness's: redirects are not followed. `signal`
 * bounds everything, the last byte of the answer included. Throws NoAnswer. SPEC: C2SP tlog-witness, add-checkpoint
 */
export async function askWitness(
  fetch: Fetch,
  question: { url: string; body: string; signal: AbortSignal },
): Promise<WitnessAnswer> {
  const { url, body, signal } = question;
  try {
    const headers = { 'content-type': 'text/plain; charset=utf-8', 'accept-encoding': 'identity' };
    const answer = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
    return { status: answer.status, contentType: answer.headers.get('content-type'), body: await bounded(answer) };
  } catch (cause) {
    if (cause instanceof NoAnswer) throw cause;
    if (signal.aborted) throw new NoAnswer('timeout', 'no whole answer in time', { cause });
    throw new NoAnswer('unreachable', `no answer: ${reasonOf(cause)}`, { cause });
  }
}

/** Leaving the loop ends the connection. */
async function bounded({ body }: Response): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > MAX_ANSWER_BYTES) throw new NoAnswer('too_large', `more than ${MAX_ANSWER_BYTES} bytes of answer`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** fetch hides the reason one below. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  const inner = cause ?? error;
  return inner instanceof Error ? inner.message : String(inner);
}
