import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { encodeWire } from '@sigstead/formats';
import { frame, GrpcClient, replyOf } from '@sigstead/test';
import {
  callHeaders,
  END_HEADERS,
  FrameType,
  http2Frame,
  rawConnection,
  type Running,
  runExample,
  TEXT,
  until,
} from './support/example-grpc.ts';

const MIB = 2 ** 20;
const ECHO = '/example.Example/Echo';
const encoded = (text: string): Buffer => encodeWire(TEXT, { text });
const headers = (stream: number, path = ECHO): Buffer =>
  http2Frame(FrameType.Headers, { flags: END_HEADERS, stream, payload: callHeaders(path) });
const reset = (stream: number): Buffer =>
  http2Frame(FrameType.RstStream, { stream, payload: Buffer.from([0, 0, 0, 8]) });

let running: Running;
before(async () => {
  running = await runExample();
});
after(() => running.stop());

async function assertServes(on: Running = running): Promise<void> {
  const client = new GrpcClient(on.port);
  const reply = await client.call(ECHO, encoded('still'));
  client.destroy();
  assert.equal(reply.code, 0);
}

/** Calls of the example that have begun and have not ended. */
async function underWay(on: Running): Promise<number> {
  const text = await on.metrics.text();
  const sum = (name: string): number =>
    [...text.matchAll(new RegExp(`^${name}\\{[^}]*"example\\.Example"[^}]*\\} (\\d+)$`, 'gm'))].reduce(
      (n, [, value]) => n + Number(value),
      0,
    );
  return sum('grpc_server_started_total') - sum('grpc_server_handled_total');
}

test('a message over the limit is refused by its prefix, and what is sent of it is not kept', async () => {
  const exact = await running.client.call(ECHO, encoded('x'.repeat(4 * MIB - 5)));
  assert.equal(exact.code, 0);
  const peak = { bytes: 0 };
  const timer = setInterval(() => (peak.bytes = Math.max(peak.bytes, process.memoryUsage().arrayBuffers)), 5);
  const before_ = process.memoryUsage().arrayBuffers;
  try {
    const streams = Array.from({ length: 8 }, () => {
      const stream = running.client.open(ECHO);
      const prefix = Buffer.from([0, 0x3f, 0xff, 0xff, 0xff]);
      stream.write(Buffer.concat([prefix, Buffer.alloc(MIB)]));
      return replyOf(stream);
    });
    for (const reply of await Promise.all(streams)) assert.equal(reply.code, 8);
  } finally {
    clearInterval(timer);
  }
  assert.ok(peak.bytes - before_ < 40 * MIB, `${(peak.bytes - before_) / MIB} MiB`);
  const over = await running.client.call(ECHO, encoded('x'.repeat(4 * MIB - 4)));
  assert.equal(over.code, 8);
});

test('a message that unpacks to more than the limit is refused while it unpacks', async () => {
  const stream = running.client.open(ECHO, { 'grpc-encoding': 'gzip' });
  stream.end(frame(gzipSync(Buffer.alloc(64 * MIB)), { isCompressed: true }));
  assert.equal((await replyOf(stream)).code, 8);
  await assertServes();
});

test('only so many callers may send long or packed messages at once; short ones go on, and room comes back', async () => {
  const own = await runExample();
  const second = new GrpcClient(own.port);
  try {
    const declared = Buffer.from([0, 0, 0x10, 0, 0]);
    const uploads = Array.from({ length: 80 }, (_, i) => {
      const packed = i % 2 === 1;
      const stream = own.client.open('/example.Example/Wait', packed ? { 'grpc-encoding': 'gzip' } : {});
      stream.write(
        packed
          ? frame(gzipSync(Buffer.alloc(MIB)), { isCompressed: true })
          : Buffer.concat([declared, Buffer.alloc(70_000)]),
      );
      return { stream, ended: replyOf(stream) };
    });
    const ended: (number | undefined)[] = [];
    for (const one of uploads) void one.ended.then(({ code }) => ended.push(code));
    await until('those beyond are refused', () => ended.length === 16);
    assert.ok(ended.every((code) => code === 14));
    assert.equal((await second.call(ECHO, encoded('short'))).code, 0);
    assert.equal((await second.call(ECHO, encoded('x'.repeat(70_000)))).code, 14);
    for (const { stream } of uploads) stream.close(8);
    await until('none is left', async () => (await underWay(own)) === 0);
    assert.equal((await second.call(ECHO, encoded('x'.repeat(70_000)))).code, 0);
  } finally {
    second.destroy();
    await own.stop();
  }
});

test('what is no HTTP/2 ends its connection and nothing else: noise, HTTP/1, TLS, a broken preface', async () => {
  const inputs = [
    randomBytes(4096),
    Buffer.from('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'),
    Buffer.from('POST /api/v2/log/entries HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}'),
    Buffer.from('160301020001000001fc0303', 'hex'),
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnoise noise noise noise'),
    Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'),
  ];
  for (const input of inputs) {
    const connection = rawConnection(running.port, { preface: false });
    connection.socket.write(input);
    await connection.closed;
    assert.ok(!connection.received().includes('grpc-status'), input.toString('latin1').slice(0, 20));
  }
  await assertServes();
});

test('frames that break the protocol end their connection: on stream 0, too long, of a block without end, with bad headers', async () => {
  const block = callHeaders(ECHO);
  const inputs = [
    http2Frame(FrameType.Data, { payload: Buffer.alloc(8) }),
    http2Frame(FrameType.Headers, { stream: 2, flags: END_HEADERS, payload: block }),
    http2Frame(FrameType.Headers, {
      stream: 1,
      flags: END_HEADERS,
      payload: Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]),
    }),
    http2Frame(FrameType.Settings, { payload: Buffer.alloc(5) }),
    http2Frame(FrameType.Ping, { payload: Buffer.alloc(7) }),
    Buffer.concat([headers(1), http2Frame(FrameType.Data, { stream: 1, payload: Buffer.alloc(16_385) })]),
    Buffer.concat([
      http2Frame(FrameType.Headers, { stream: 1, payload: block }),
      http2Frame(FrameType.Data, { stream: 1, payload: Buffer.alloc(5) }),
    ]),
  ];
  for (const [i, input] of inputs.entries()) {
    const connection = rawConnection(running.port);
    connection.socket.write(input);
    await until(
      `input ${i} is refused`,
      () => connection.socket.destroyed || connection.frames().some(({ type }) => type === FrameType.GoAway),
    );
    connection.socket.destroy();
  }
  await until('none is left', async () => (await underWay(running)) === 0);
  await assertServes();
});

test('a block of headers that goes on for ever ends its connection (CVE-2024-27983, CVE-2024-28182)', async () => {
  const connection = rawConnection(running.port);
  connection.socket.write(http2Frame(FrameType.Headers, { stream: 1, payload: callHeaders(ECHO) }));
  const more = http2Frame(FrameType.Continuation, {
    stream: 1,
    payload: Buffer.alloc(16_000, callHeaders('/x', { x: 'y' })),
  });
  const before_ = process.memoryUsage().rss;
  for (let i = 0; i < 2000 && !connection.socket.destroyed; i += 1) {
    if (!connection.socket.write(more)) {
      await Promise.race([new Promise((resolve) => connection.socket.once('drain', resolve)), connection.closed]);
    }
  }
  await connection.closed;
  assert.ok(process.memoryUsage().rss - before_ < 100 * MIB);
  await assertServes();
});

test('a thousand calls that are cancelled leave nothing behind', async () => {
  const own = await runExample();
  try {
    for (let round = 0; round < 10; round += 1) {
      const streams = Array.from({ length: 100 }, (_, i) => {
        const stream = own.client.open('/example.Example/Wait');
        const ended = replyOf(stream);
        // Before its message, in the middle of it, and after it.
        if (i % 3 > 0) stream.write(frame(encoded('waits')).subarray(0, i % 3 === 1 ? 3 : undefined));
        if (i % 3 === 2) stream.end();
        return { stream, ended };
      });
      await until('all have come', async () => (await underWay(own)) >= 100);
      for (const { stream } of streams) stream.close(8);
      await Promise.all(streams.map(({ ended }) => ended));
      await until('all have ended', async () => (await underWay(own)) === 0);
    }
    assert.ok(own.example.calls.every(({ signal }) => signal.aborted));
    // node's own client ends a stream before it resets it: then there was no message, or a broken one.
    const text = await own.metrics.text();
    const ended = [...text.matchAll(/handled_total\{.*grpc_method="Wait",grpc_code="(\w+)"\} (\d+)/g)];
    assert.equal(
      ended.reduce((sum, [, , count]) => sum + Number(count), 0),
      1000,
    );
    assert.ok(
      ended.every(([, code]) => code === 'Canceled' || code === 'Unimplemented'),
      text,
    );
    await assertServes(own);
  } finally {
    await own.stop();
  }
});

test('a call that is reset before its message is whole counts as cancelled, and nothing is answered', async () => {
  const own = await runExample();
  try {
    const connection = rawConnection(own.port);
    connection.socket.write(Buffer.concat([headers(1), headers(3)]));
    connection.socket.write(http2Frame(FrameType.Data, { stream: 3, payload: frame(encoded('x')).subarray(0, 6) }));
    await until('both have come', async () => (await underWay(own)) === 2);
    connection.socket.write(Buffer.concat([reset(1), reset(3)]));
    await until('both have ended', async () => (await underWay(own)) === 0);
    assert.match(await own.metrics.text(), /grpc_method="Echo",grpc_code="Canceled"\} 2/);
    assert.ok(!connection.frames().some(({ type }) => type === FrameType.Headers));
    connection.socket.destroy();
  } finally {
    await own.stop();
  }
});

test('rapid reset: streams that are cancelled as they are opened cost their connection, and nobody else (CVE-2023-44487)', async () => {
  const own = await runExample();
  try {
    const connection = rawConnection(own.port);
    for (let id = 1; id < 200_000 && !connection.socket.destroyed; id += 400) {
      const burst = Array.from({ length: 200 }, (_, i) => Buffer.concat([headers(id + 2 * i), reset(id + 2 * i)]));
      if (!connection.socket.write(Buffer.concat(burst))) {
        await Promise.race([new Promise((resolve) => connection.socket.once('drain', resolve)), connection.closed]);
      }
    }
    await connection.closed;
    assert.ok(connection.frames().some(({ type }) => type === FrameType.GoAway));
    await until('none is left', async () => (await underWay(own)) === 0);
    await assertServes(own);
  } finally {
    await own.stop();
  }
});

test('pings and settings that nobody answers to are bounded, and other callers are served meanwhile', async () => {
  const connection = rawConnection(running.port);
  connection.socket.pause();
  const flood = Buffer.concat(
    Array.from({ length: 1000 }, () =>
      Buffer.concat([http2Frame(FrameType.Ping, { payload: Buffer.alloc(8) }), http2Frame(FrameType.Settings)]),
    ),
  );
  const before_ = process.memoryUsage().rss;
  for (let i = 0; i < 200 && !connection.socket.destroyed; i += 1) {
    connection.socket.write(flood);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await assertServes();
  assert.ok(process.memoryUsage().rss - before_ < 100 * MIB, `${(process.memoryUsage().rss - before_) / MIB} MiB`);
  connection.socket.destroy();
});

test('whoever was answered cannot keep the stream open', async () => {
  const connection = rawConnection(running.port);
  const message = frame(encoded('boom'));
  connection.socket.write(
    Buffer.concat([
      headers(1, '/example.Example/Gated'),
      http2Frame(FrameType.Data, { stream: 1, payload: message }),
      http2Frame(FrameType.Data, { stream: 1, payload: message }),
      headers(3, '/example.Example/WaitBriefly'),
      headers(5, '/example.Nope/Nope'),
    ]),
  );
  const isReset = (id: number): boolean =>
    connection.frames().some(({ type, stream }) => type === FrameType.RstStream && stream === id);
  await until('all three streams are reset', () => [1, 3, 5].every(isReset));
  const answered = connection.frames().findIndex(({ type, stream }) => type === FrameType.Headers && stream === 1);
  const after_ = connection.frames().findIndex(({ type, stream }) => type === FrameType.RstStream && stream === 1);
  assert.ok(answered >= 0 && answered < after_, 'the answer comes before the reset');
  connection.socket.destroy();
});

test('whoever does not read his answer keeps no call for longer than it may take: the window of a stream is 0', async () => {
  const connection = rawConnection(running.port);
  const noWindow = http2Frame(FrameType.Settings, { payload: Buffer.from([0, 4, 0, 0, 0, 0]) });
  const calls = [1, 3, 5].map((stream) =>
    Buffer.concat([
      headers(stream, '/example.Example/Brief'),
      http2Frame(FrameType.Data, { flags: 1, stream, payload: frame(encoded('x')) }),
    ]),
  );
  connection.socket.write(Buffer.concat([noWindow, ...calls]));
  await until('all three are under way', async () => (await underWay(running)) === 3);
  await until('none is left', async () => (await underWay(running)) === 0);
  assert.equal((await running.client.call('/example.Example/Brief', encoded('x'))).code, 0);
  connection.socket.destroy();
});

test('nor does who reads nothing from his connection', async (t) => {
  const connection = rawConnection(running.port);
  const call = (stream: number, method: string, text: string): Buffer =>
    Buffer.concat([
      headers(stream, `/example.Example/${method}`),
      http2Frame(FrameType.Data, { flags: 1, stream, payload: frame(encoded(text)) }),
    ]);
  const wide = Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff]);
  const wider = http2Frame(FrameType.WindowUpdate, { payload: Buffer.from([0x7f, 0, 0, 0]) });
  t.after(() => connection.socket.destroy());
  const counted = async (what: string, method: string): Promise<number> => {
    const text = await running.metrics.text();
    return Number(new RegExp(`${what}_total\\{.*"${method}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
  };
  const started = (): Promise<number> => counted('started', 'Brief');
  const before_ = await started();
  connection.socket.pause();
  connection.socket.write(
    Buffer.concat([http2Frame(FrameType.Settings, { payload: wide }), wider, call(1, 'Count', '100000')]),
  );
  // What the kernel takes is full when nothing more has been sent for a while.
  const sent: number[] = [];
  await until('its answer stands still', async () => {
    const now = sent.unshift(await counted('msg_sent', 'Count'));
    return now > 40 && sent[0] !== 0 && sent[0] === sent[40];
  });
  connection.socket.write(Buffer.concat([3, 5, 7].map((stream) => call(stream, 'Brief', 'x'))));
  await until('three more have begun', async () => (await started()) === before_ + 3);
  await until('they are over', async () => (await underWay(running)) === 1);
  assert.equal((await running.client.call('/example.Example/Brief', encoded('x'))).code, 0);
});

test('a method lets in so many calls and no more; the others are told to come again', async () => {
  const open = Array.from({ length: 2 }, () => {
    const stream = running.client.open('/example.Example/Two');
    stream.end(frame(encoded('x')));
    return { stream, ended: replyOf(stream) };
  });
  await until('two wait', () => running.example.calls.length >= 2);
  const refused = await running.client.call('/example.Example/Two', encoded('x'));
  assert.deepEqual([refused.code, refused.text], [14, 'too many calls; retry']);
  for (const { stream, ended } of open) {
    stream.close(8);
    await ended;
  }
  await until('none is left', async () => (await underWay(running)) === 0);
  const stream = running.client.open('/example.Example/Two', { 'grpc-timeout': '50m' });
  stream.end(frame(encoded('x')));
  assert.equal((await replyOf(stream)).code, 4);
});

test('a gate refuses before anything of the message is read', async () => {
  running.example.isOpen = false;
  const stream = running.client.open('/example.Example/Gated');
  stream.write(Buffer.from([0, 0x3f, 0xff, 0xff, 0xff]));
  const reply = await replyOf(stream);
  assert.deepEqual([reply.code, reply.text], [14, 'later']);
  running.example.isOpen = true;
  assert.equal((await running.client.call('/example.Example/Gated', encoded('x'))).code, 0);
});

test('streams of one connection are bounded', async () => {
  const own = await runExample({ maxStreams: 5 });
  try {
    const connection = rawConnection(own.port);
    connection.socket.write(
      Buffer.concat(Array.from({ length: 50 }, (_, i) => headers(1 + 2 * i, '/example.Example/Wait'))),
    );
    await until(
      'the others are refused',
      () =>
        connection.frames().filter(({ type }) => type === FrameType.RstStream).length >= 45 ||
        connection.socket.destroyed,
    );
    assert.ok((await underWay(own)) <= 5);
    connection.socket.destroy();
    await until('none is left', async () => (await underWay(own)) === 0);
  } finally {
    await own.stop();
  }
});

test('connections are bounded', async () => {
  const own = await runExample({ maxConnections: 3 });
  try {
    // One is the example's own client.
    await own.client.call(ECHO, encoded('x'));
    const connections = Array.from({ length: 6 }, () => rawConnection(own.port));
    await until('four are closed', () => connections.filter(({ socket }) => socket.destroyed).length === 4);
    for (const { socket } of connections) socket.destroy();
    await until('there is room again', async () => {
      const client = new GrpcClient(own.port);
      const { code } = await client.call(ECHO, encoded('x'));
      client.destroy();
      return code === 0;
    });
  } finally {
    await own.stop();
  }
});

test('a connection that says nothing is closed; one whose peer has died is cut', async () => {
  const idle = await runExample({ idleTimeoutMs: 50 });
  const dead = await runExample({ keepAliveMs: 50, keepAliveTimeoutMs: 50 });
  try {
    const silent = rawConnection(idle.port, { preface: false });
    const spoke = rawConnection(idle.port);
    await Promise.all([silent.closed, spoke.closed]);
    // Never answers the server's pings, and has a call under way.
    const gone = rawConnection(dead.port);
    gone.socket.write(headers(1, '/example.Example/Wait'));
    await gone.closed;
    await until('its call has ended', async () => (await underWay(dead)) === 0);
  } finally {
    await idle.stop();
    await dead.stop();
  }
});
