import type { ServerHttp2Stream } from 'node:http2';
import { LARGE_BODIES } from '../http/large-bodies.ts';

/** Bounds what calls that send long messages may hold of memory together; of packed ones nobody knows how long they are. */
export class LargeMessages {
  #count = 0;

  /** Watches what a call sends, before anybody else reads it. `refuse` is called when there is no room for more. */
  watch(stream: ServerHttp2Stream, refuse: () => void): void {
    let received = 0;
    let state: 'small' | 'counted' | 'refused' = 'small';
    // Listening in this way does not set the stream flowing.
    stream.prependListener('data', (chunk: Buffer) => {
      // SPEC: gRPC over HTTP/2, Length-Prefixed-Message: the first byte is the compressed flag.
      const isPacked = received === 0 && chunk[0] === 1;
      received += chunk.length;
      if (state !== 'small' || (received <= LARGE_BODIES.bytes && !isPacked)) return;
      state = this.#count < LARGE_BODIES.atOnce ? 'counted' : 'refused';
      if (state === 'counted') this.#count += 1;
      else refuse();
    });
    stream.once('close', () => {
      if (state === 'counted') this.#count -= 1;
    });
  }
}
