import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { addChainRequest, FormatError, parseAddChainResponse } from '@sigstead/formats';
import { type CtClient, CtRefusedError, type Sct } from '../core/ports.ts';

const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * A log reached over HTTP. One try, no redirects; the caller's signal is the only deadline. (A kept-alive connection
 * that the log closed at the moment we reused it is not a try: the same bytes go out again on a fresh one, which is
 * safe because a log answers a repeated precertificate with the SCT it gave.) Answers that a later try
 * may change (408, 429, 5xx) reject as unavailable, every other refusal as CtRefusedError.
 * SPEC: RFC 6962 §4.2
 */
export function httpCtClient(options: { url: string; caCertificate?: string }): CtClient {
  const target = new URL(`${options.url.replace(/\/+$/, '')}/ct/v1/add-pre-chain`);
  return {
    async addPreChain(chain, signal) {
      const body = JSON.stringify(addChainRequest(chain));
      const { status, bytes } = await post(target, { body, signal, ca: options.caCertificate });
      if (status === 200) return readAnswer(bytes);
      const text = `status ${status}: ${bytes.toString('utf8').slice(0, 500)}`;
      if (status === 408 || status === 429 || status >= 500) throw new Error(text);
      throw new CtRefusedError(text);
    },
  };
}

interface Post {
  readonly body: string;
  readonly signal: AbortSignal | undefined;
  readonly ca: string | undefined;
}

function send(target: URL, { body, signal, ca }: Post, isFresh: boolean): Promise<IncomingMessage> {
  const request = target.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const extra = { ...(signal === undefined ? {} : { signal }), ...(ca === undefined ? {} : { ca }) };
    const sent = request(target, { method: 'POST', headers, ...extra, ...(isFresh ? { agent: false } : {}) }, resolve);
    sent.on('error', (error: NodeJS.ErrnoException) => {
      const isStale = sent.reusedSocket && !isFresh && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      if (isStale) send(target, { body, signal, ca }, true).then(resolve, reject);
      else reject(error);
    });
    // Without this, a server that changes the protocol (101) ends the request with neither an answer nor an error.
    sent.on('upgrade', (_response, socket) => {
      socket.destroy();
      reject(new Error('the log changed the protocol'));
    });
    sent.end(body);
  });
}

async function post(target: URL, what: Post): Promise<{ status: number; bytes: Buffer }> {
  const response = await send(target, what, false);
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_ANSWER_BYTES) throw new CtRefusedError(`answer over ${MAX_ANSWER_BYTES} bytes`);
    parts.push(part);
  }
  return { status: response.statusCode ?? 0, bytes: Buffer.concat(parts) };
}

/** A 200 that is no SCT is a log at fault, not one that is away. */
function readAnswer(bytes: Uint8Array): Sct {
  try {
    return parseAddChainResponse(bytes);
  } catch (error) {
    if (error instanceof FormatError) throw new CtRefusedError(`answer of the log: ${error.message}`);
    throw error;
  }
}
