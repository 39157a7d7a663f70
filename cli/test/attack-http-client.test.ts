import assert from 'node:assert/strict';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { request } from '../src/http-client.ts';

test('a server that changes the protocol is no instance; the request ends', { timeout: 15_000 }, async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () =>
      socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await assert.rejects(request(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`), /no instance answers/);
  } finally {
    server.close();
  }
});
