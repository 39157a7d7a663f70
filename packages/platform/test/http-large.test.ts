import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { createMetrics } from '@sigstead/platform';
import { exampleServer } from './support/example-server.ts';

const PATH = '/api/v2/log/entries';
const REFUSED =
  /^HTTP\/1\.1 503 [\s\S]*retry-after: 1\r\n[\s\S]*\{"code":14,"message":"too many large requests; retry","details":\[\]\}$/;

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (const endMs = performance.now() + 20_000; !(await holds()); )
    assert.ok(performance.now() < endMs, 'waited 20 s');
}

interface Sender {
  socket: Socket;
  /** All that was answered, once the connection is closed. */
  answer: Promise<string>;
}

function sender(port: number, head: string, body = ''): Sender {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  socket.write(`POST ${PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${head}\r\n\r\n${body}`);
  return { socket, answer: once(socket, 'close').then(() => text) };
}

for (const [kind, head, rest] of [
  ['a declared length', 'Content-Length: 600', 'x'.repeat(599)],
  ['none', 'Transfer-Encoding: chunked', `${'x'.repeat(15)}\r\n0\r\n\r\n`],
] as const) {
  test(`B24 large bodies with ${kind} are let in so many at a time, small ones always, and there is room again after each`, async (t) => {
    const server = exampleServer({ metrics: createMetrics(), largeBodies: { bytes: 500, atOnce: 2 } });
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    t.after(() => server.close({ deadlineMs: 0 }));
    const begin = kind === 'none' ? '10\r\nx' : 'x';
    const slow = [sender(port, head, begin), sender(port, head, begin)];
    // Both are counted once a small one that came after them was answered.
    const small = (): Promise<string> => sender(port, 'Content-Length: 3', 'abc').answer;
    const large = (): Promise<string> => sender(port, 'Content-Length: 501', 'x'.repeat(501)).answer;
    assert.match(await small(), /^HTTP\/1\.1 201 /);
    assert.match(await large(), REFUSED);
    assert.match(await sender(port, 'Transfer-Encoding: chunked', '3\r\nabc\r\n0\r\n\r\n').answer, REFUSED);
    assert.match(await sender(port, 'Content-Length: 500', 'x'.repeat(500)).answer, /^HTTP\/1\.1 201 /);
    // One comes to its end; then another takes its place, and the first of all goes away.
    slow[0]!.socket.write(rest);
    assert.match(await slow[0]!.answer, /^HTTP\/1\.1 201 /);
    await eventually(async () => (await large()).startsWith('HTTP/1.1 201 '));
    const third = sender(port, head, begin);
    await eventually(async () => REFUSED.test(await large()));
    slow[1]!.socket.destroy();
    await eventually(async () => (await large()).startsWith('HTTP/1.1 201 '));
    third.socket.destroy();
  });
}
