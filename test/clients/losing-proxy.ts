import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';

/** One submission that came by, with what the log said to it, whether or not its sender got that. */
export interface Passed {
  readonly body: string;
  readonly status: number;
  readonly answer: string;
}

export interface LosingProxy {
  readonly url: string;
  /** POSTs, in order. */
  readonly passed: readonly Passed[];
}

/**
 * Stands between clients and a log. The first POST reaches the log and is answered there; its answer is lost, and the
 * connection with it. All that comes later passes. Closed after the last test of the file.
 */
export async function losingProxy(target: string): Promise<LosingProxy> {
  const passed: Passed[] = [];
  const pass = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bytesOf(incoming);
    const { method = 'GET', url = '/', headers } = incoming;
    const { host: _host, ...others } = headers;
    const sent = request(new URL(url, target), { method, headers: others, agent: false });
    sent.end(body);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    const bytes = await bytesOf(answer);
    const status = answer.statusCode ?? 0;
    if (method === 'POST') passed.push({ body: body.toString(), status, answer: bytes.toString() });
    if (method === 'POST' && passed.length === 1) return void incoming.socket.destroy();
    response.writeHead(status, { 'content-type': answer.headers['content-type'] ?? 'text/plain' });
    response.end(bytes);
  };
  const server = createServer((incoming, response) => {
    pass(incoming, response).catch(() => incoming.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, passed };
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
