import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as wait } from 'node:timers/promises';

const POLL_MS = 20;

/** Text that a child process writes, kept whole for tests that read it. */
export class Output {
  #text = '';

  constructor(stream: Readable) {
    const decoder = new StringDecoder('utf8');
    stream.on('data', (chunk: Buffer) => {
      this.#text += decoder.write(chunk);
    });
  }

  get text(): string {
    return this.#text;
  }

  /** Waits for a text that is still to come. Throws when it does not come in time. */
  async until(wanted: string, timeoutMs: number): Promise<string> {
    const deadlineMs = performance.now() + timeoutMs;
    while (!this.#text.includes(wanted)) {
      if (performance.now() > deadlineMs) throw new Error(`no "${wanted}" within ${timeoutMs} ms in:\n${this.#text}`);
      await wait(POLL_MS);
    }
    return this.#text;
  }

  /** The last lines, each with a mark before it, for the report of a failed test. */
  tail(lines: number, mark: string): string {
    const all = this.#text.split('\n').filter((line) => line !== '');
    return all
      .slice(-lines)
      .map((line) => `${mark}${line}\n`)
      .join('');
  }
}
