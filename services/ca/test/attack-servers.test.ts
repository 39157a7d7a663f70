import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { createFetchJson, httpCtClient } from '@sigstead/ca';

/* Servers that speak HTTP badly, at the other end of what the authority asks. */

async function withRawServer(answer: string, ends: boolean, run: (origin: string) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => (ends ? socket.end(answer) : socket.write(answer)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

const UPGRADE = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n';
const ANSWERS = [
  UPGRADE,
  'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  '',
  'no http\r\n\r\n',
  'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}',
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n'.repeat(10),
  'HTTP/1.1 302 Found\r\nlocation: http://[bad\r\n\r\n',
  'HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 5\r\n\r\n',
];

// A fetch that never settles would hold its issuer, and one of the few places for issuers behind patterns, for good.
test('every fetch settles, whatever the server answers and whether or not it closes', { timeout: 15_000 }, async () => {
  const fetchJson = createFetchJson({ isTrustedHost: () => true, limits: { timeoutMs: 300 } });
  for (const answer of ANSWERS) {
    for (const ends of [true, false]) {
      await withRawServer(answer, ends, async (origin) => {
        await assert.rejects(fetchJson({ url: `${origin}/`, issuer: origin }), JSON.stringify(answer));
      });
    }
  }
});

test('a CT log that changes the protocol is a log that is away', { timeout: 15_000 }, async () => {
  for (const ends of [true, false]) {
    await withRawServer(UPGRADE, ends, async (url) => {
      await assert.rejects(httpCtClient({ url }).addPreChain([]), /changed the protocol/);
    });
  }
});
