import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

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

  /** The last lines, each with a mark before it, for the report of a failed test. */
  tail(lines: number, mark: string): string {
    const all = this.#text.split('\n').filter((line) => line !== '');
    return all
      .slice(-lines)
      .map((line) => `${mark}${line}\n`)
      .join('');
  }
}
