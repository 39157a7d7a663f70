/** One whole HTTP/1.1 answer. `head` is status line and header lines, as sent. */
export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
}

const MAX_HEAD_BYTES = 16 * 1024;
const MAX_BODY_BYTES = 32 * 2 ** 20;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

export class BadAnswerError extends Error {}

/**
 * Puts the bytes of one connection together to answers, for a client that asks one thing at a time. Knows what our
 * servers send: a Content-Length on every answer. Throws BadAnswerError on anything else. SPEC: RFC 9112 §4, §6.3
 */
export class AnswerReader {
  #chunks: Buffer[] = [];
  #length = 0;
  #head: { status: number; text: string; end: number; bodyBytes: number } | undefined;

  /** Whether bytes of an unfinished answer are held. */
  get isInside(): boolean {
    return this.#length > 0;
  }

  /** The answer that these bytes complete, if they do. */
  push(chunk: Buffer): Answer | undefined {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    this.#head ??= this.#readHead();
    if (this.#head === undefined) return undefined;
    const { status, text, end, bodyBytes } = this.#head;
    if (this.#length < end + bodyBytes) return undefined;
    if (this.#length > end + bodyBytes) throw new BadAnswerError('bytes behind the answer');
    const body = this.#joined().subarray(end);
    this.#chunks = [];
    this.#length = 0;
    this.#head = undefined;
    return { status, head: text, body };
  }

  #readHead(): { status: number; text: string; end: number; bodyBytes: number } | undefined {
    const bytes = this.#joined();
    const at = bytes.indexOf(END_OF_HEAD);
    if (at < 0) {
      if (bytes.length > MAX_HEAD_BYTES) throw new BadAnswerError('headers without end');
      return undefined;
    }
    const text = bytes.toString('latin1', 0, at);
    const status = /^HTTP\/1\.1 (\d{3})(?: |\r|$)/.exec(text)?.[1];
    const length = headerOf(text, 'content-length');
    if (status === undefined) throw new BadAnswerError(`no HTTP answer: ${text.slice(0, 80)}`);
    if (length === undefined || !/^\d{1,9}$/.test(length)) throw new BadAnswerError('an answer without a length');
    if (Number(length) > MAX_BODY_BYTES) throw new BadAnswerError(`an answer of ${length} bytes`);
    return { status: Number(status), text, end: at + END_OF_HEAD.length, bodyBytes: Number(length) };
  }

  #joined(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks, this.#length)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }
}

/** Value of a header line, by its name in lower case. */
export function headerOf(head: string, name: string): string | undefined {
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    if (line.slice(0, colon).toLowerCase() === name) return line.slice(colon + 1).trim();
  }
  return undefined;
}
