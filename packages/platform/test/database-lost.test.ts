import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { DatabaseError, openPool, silentLogger } from '@sigstead/platform';

/** A message of the server. SPEC: PostgreSQL, Message Formats */
function message(type: string, body: Buffer): Buffer {
  const head = Buffer.from(`${type}0000`);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const WELCOME = Buffer.concat([message('R', Buffer.alloc(4)), message('Z', Buffer.from('I'))]);
const ENDED = message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'));

/** A server that lets everybody in, with this on its lips; `onQuery` is what it does when it is asked something. */
async function serve(t: TestContext, welcome: Buffer, onQuery: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.on('data', () => onQuery(socket));
      socket.write(welcome);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => server.close());
  return `postgresql://u@127.0.0.1:${(server.address() as { port: number }).port}/d`;
}

const LOSSES: [string, Buffer, (socket: Socket) => void][] = [
  ['right after it was let in', Buffer.concat([WELCOME, ENDED]), (socket) => socket.destroy()],
  ['while the server is asked what it is', WELCOME, (socket) => socket.end(ENDED)],
  ['in the same moment, without a word', WELCOME, (socket) => socket.destroy()],
];

for (const [when, welcome, onQuery] of LOSSES) {
  test(`a new connection of a pool that ends ${when} is an error of who wanted it, and not the process's end`, async (t) => {
    const pool = openPool({ connectionString: await serve(t, welcome, onQuery), logger: silentLogger, max: 1 });
    t.after(() => pool.end());
    for (let i = 0; i < 3; i += 1) {
      await assert.rejects(pool.query('select 1'), (error) => {
        assert.ok(error instanceof DatabaseError, String(error));
        assert.equal(error.code, 'no_primary');
        return true;
      });
    }
  });
}
