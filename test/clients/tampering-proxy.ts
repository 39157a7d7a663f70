import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TamperingProxy {
  readonly url: string;
  close(): Promise<void>;
}

/** Which answers are changed, and what becomes of their bytes. */
export interface Tampering {
  readonly path: RegExp;
  readonly change: (bytes: Buffer) => Buffer;
}

/** A log's server that hands out something else than the log for some of its paths. */
export async function tamperingProxy(target: string, { path, change }: Tampering): Promise<TamperingProxy> {
  const server = createServer((request, response) => {
    void forward(target, request).then(
      ({ status, contentType, bytes }) => {
        const body = path.test(request.url ?? '') ? change(bytes) : bytes;
        response.writeHead(status, { 'content-type': contentType, 'content-length': body.length }).end(body);
      },
      () => response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function forward(
  target: string,
  request: IncomingMessage,
): Promise<{ status: number; contentType: string; bytes: Buffer }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const { method = 'GET', url = '/' } = request;
  const answer = await fetch(`${target}${url}`, { method, ...(method === 'POST' ? { body } : {}) });
  const contentType = answer.headers.get('content-type') ?? '';
  return { status: answer.status, contentType, bytes: Buffer.from(await answer.arrayBuffer()) };
}

/** One bit of one byte; `at` from the end when negative. */
export function flip(at: number): (bytes: Buffer) => Buffer {
  return (bytes) => {
    const copy = Buffer.from(bytes);
    const place = at < 0 ? copy.length + at : at;
    copy[place] = (copy[place] ?? 0) ^ 1;
    return copy;
  };
}
