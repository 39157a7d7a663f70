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

interface Head {
  status: number;
  text: string;
  end: number;
  /** Undefined when the body comes in chunks. */
  bodyBytes: number | undefined;
}

/**
 * Puts the bytes of one connection together to answers, for a client that asks one thing at a time. Knows what servers
 * send: a Content-Length, as ours always do, or chunks. Throws BadAnswerError on anything else. SPEC: RFC 9112 §4, §6.3
 */
export class AnswerReader {
  #chunks: Buffer[] = [];
  #length = 0;
  #head: Head | undefined;

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
    const { status, text } = this.#head;
    const body = this.#body(this.#head);
    if (body === undefined) return undefined;
    this.#chunks = [];
    this.#length = 0;
    this.#head = undefined;
    return { status, head: text, body };
  }

  #body({ end, bodyBytes }: Head): Buffer | undefined {
    if (bodyBytes === undefined) return unchunked(this.#joined().subarray(end));
    if (this.#length < end + bodyBytes) return undefined;
    if (this.#length > end + bodyBytes) throw new BadAnswerError('bytes behind the answer');
    return this.#joined().subarray(end);
  }

  #readHead(): Head | undefined {
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
    const [head, bodyAt] = [Number(status), at + END_OF_HEAD.length];
    if (length === undefined && headerOf(text, 'transfer-encoding')?.toLowerCase() === 'chunked') {
      return { status: head, text, end: bodyAt, bodyBytes: undefined };
    }
    if (length === undefined || !/^\d{1,9}$/.test(length)) throw new BadAnswerError('an answer without a length');
    if (Number(length) > MAX_BODY_BYTES) throw new BadAnswerError(`an answer of ${length} bytes`);
    return { status: head, text, end: bodyAt, bodyBytes: Number(length) };
  }

  #joined(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks, this.#length)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }
}

const LINE_END = Buffer.from('\r\n');

/** The body that these chunks make up; undefined while the last of them is missing. Throws BadAnswerError. SPEC: RFC 9112 §7.1 */
function unchunked(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf(LINE_END, at);
    if (lineEnd < 0) return undefined;
    const size = /^[0-9a-f]{1,7}$/i.exec(bytes.toString('latin1', at, lineEnd))?.[0];
    if (size === undefined || bytes.length > MAX_BODY_BYTES)
      throw new BadAnswerError('a chunk without a size, or too much');
    const [start, length] = [lineEnd + 2, Number.parseInt(size, 16)];
    const end = start + length;
    if (bytes.length < end + 2) return undefined;
    if (!bytes.subarray(end, end + 2).equals(LINE_END))
      throw new BadAnswerError('a chunk of another size than it says');
    if (length === 0) {
      if (bytes.length > end + 2) throw new BadAnswerError('bytes behind the answer');
      return Buffer.concat(parts);
    }
    parts.push(bytes.subarray(start, end));
    at = end + 2;
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
