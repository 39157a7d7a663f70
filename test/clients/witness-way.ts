import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a log meets on its way to a witness: the witness itself, silence, a size that is not so, or another witness. */
export type Way = 'open' | 'silent' | 'lying' | 'another';

export interface WitnessWay {
  readonly url: string;
  /** May be changed at any time. */
  is: Way;
  /** Questions that came. */
  readonly asked: () => number;
  close(): Promise<void>;
}

/** A size that no log here has. */
const LIE = 1_000_000;

/** A server in front of a witness; `another` answers in its place where the way says so. */
export async function witnessWay(witness: string, another: string): Promise<WitnessWay> {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    void answer(way.is, request, response).catch(() => response.destroy());
  });

  async function answer(is: Way, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (is === 'silent') return;
    if (is === 'lying') {
      response.writeHead(409, { 'content-type': 'text/x.tlog.size' }).end(`${LIE}\n`);
      return;
    }
    const target = is === 'another' ? another : witness;
    const { url = '/' } = request;
    const answered = await fetch(`${target}${url}`, { method: 'POST', body: Buffer.concat(chunks) });
    const type = answered.headers.get('content-type') ?? '';
    response.writeHead(answered.status, { 'content-type': type }).end(Buffer.from(await answered.arrayBuffer()));
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const way: WitnessWay = {
    url: `http://127.0.0.1:${port}`,
    is: 'open',
    asked: () => asked,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return way;
}
