import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { after, before, suite, test } from 'node:test';
import { credentials, Client, Metadata } from '@grpc/grpc-js';
import { decodeWire, encodeWire } from '@sigstead/formats';
import { createLogger, type GrpcError, grpcStatus } from '@sigstead/platform';
import { frame, GrpcClient, replyOf, testCertificate } from '@sigstead/test';
import { type Running, runExample, TEXT, until } from './support/example-grpc.ts';

const LIMITS = { maxBytes: 2 ** 23, maxFields: 1000 };
const encoded = (text: string): Buffer => encodeWire(TEXT, { text });
const decoded = (bytes: Uint8Array | undefined): string =>
  decodeWire(TEXT, bytes ?? Buffer.alloc(0), LIMITS).text ?? '';

let running: Running;
before(async () => {
  running = await runExample();
});
after(() => running.stop());

const call = (method: string, text = '', headers = {}) =>
  running.client.call(`/example.Example/${method}`, encoded(text), headers);

suite('a call', () => {
  test('is answered, with the header that the handler set', async () => {
    const reply = await call('Echo', 'hello');
    assert.deepEqual([reply.code, reply.messages.map(decoded)], [0, ['hello!']]);
    assert.equal(reply.headers['content-type'], 'application/grpc+proto');
    assert.equal(reply.headers['x-seen'], '7');
  });

  test('is answered to a client of another library', async () => {
    const client = new Client(`127.0.0.1:${running.port}`, credentials.createInsecure());
    const same = (bytes: Buffer): Buffer => bytes;
    const answer = await new Promise<Buffer | undefined>((resolve, reject) => {
      client.makeUnaryRequest('/example.Example/Echo', same, same, encoded('js'), new Metadata(), (error, value) =>
        error === null ? resolve(value) : reject(error),
      );
    });
    client.close();
    assert.equal(decoded(answer), 'js!');
  });

  test('ends with the handler\u2019s own error: code, text and header, whatever characters the text has', async () => {
    const reply = await call('Echo', 'refused');
    assert.deepEqual([reply.code, reply.text], [6, 'is there: 1 \u2014 ä\n%']);
    assert.equal(reply.headers['x-seen'], '9');
  });

  test('ends with a service error in the code that HTTP gives it', async () => {
    const reply = await call('Echo', 'service');
    assert.deepEqual([reply.code, reply.text], [grpcStatus('overloaded').grpc, 'too much']);
  });

  test('never shows what went wrong inside; the operator\u2019s log does', async () => {
    const lines: string[] = [];
    const logger = createLogger({ service: 't', level: 'info', stream: { write: (line) => lines.push(line) } });
    const own = await runExample({ logger });
    try {
      const reply = await own.client.call('/example.Example/Echo', encoded('boom'));
      assert.deepEqual([reply.code, reply.text], [13, 'internal server error']);
      assert.match(lines.join(''), /secret internals/);
    } finally {
      await own.stop();
    }
  });

  test('of a method or service that is not there is Unimplemented', async () => {
    for (const path of ['/example.Example/Nope', '/example.Nope/Echo', '/', '/x\u00ff\u0080', `/${'x'.repeat(5000)}`]) {
      const reply = await running.client.call(path, encoded('x'));
      assert.equal(reply.code, 12, path);
    }
  });

  test('with another content type is no gRPC', async () => {
    const stream = running.client.open('/example.Example/Echo', { 'content-type': 'application/json' });
    stream.end('{}');
    const reply = await replyOf(stream);
    assert.deepEqual([reply.headers[':status'], reply.code], [415, undefined]);
  });

  test('with a message that cannot be decoded ends as with grpc-go', async () => {
    const garbage = await running.client.call('/example.Example/Echo', Buffer.from([0x0a, 0x05, 0x61]));
    const text = 'grpc: error unmarshalling request: proto: cannot parse invalid wire-format data';
    assert.deepEqual([garbage.code, garbage.text], [13, text]);
    const notText = await running.client.call('/example.Example/Echo', Buffer.from([0x0a, 0x01, 0xff]));
    assert.deepEqual(
      [notText.code, notText.text],
      [13, 'grpc: error unmarshalling request: string field contains invalid UTF-8'],
    );
  });

  test('without a message, or with two, is refused', async () => {
    const none = running.client.open('/example.Example/Echo');
    none.end();
    assert.equal((await replyOf(none)).code, 12);
    const two = running.client.open('/example.Example/Echo');
    two.end(Buffer.concat([frame(encoded('a')), frame(encoded('b'))]));
    assert.equal((await replyOf(two)).code, 12);
  });

  test('may be packed with gzip, and not with what nobody knows', async () => {
    const open = (encoding: string) => running.client.open('/example.Example/Echo', { 'grpc-encoding': encoding });
    const packed = open('gzip');
    packed.end(frame(gzipSync(encoded('packed')), { isCompressed: true }));
    assert.deepEqual((await replyOf(packed)).messages.map(decoded), ['packed!']);
    const unknown = open('snappy');
    unknown.end(frame(encoded('x'), { isCompressed: true }));
    assert.equal((await replyOf(unknown)).code, 12);
    const broken = open('gzip');
    broken.end(frame(encoded('x'), { isCompressed: true }));
    assert.equal((await replyOf(broken)).code, 13);
  });
});

suite('time', () => {
  test('of the caller: the handler is told, and the call ends', async () => {
    const reply = call('Wait', '', { 'grpc-timeout': '100m' });
    await until('the handler waits', () => running.example.calls.length > 0);
    const signal = running.example.calls.at(-1)?.signal;
    assert.equal((await reply).code, 4);
    await until('the handler is told', () => signal?.aborted === true);
    assert.equal((signal?.reason as GrpcError | undefined)?.code, 4);
  });

  test('of the caller may be as long as it likes, and must be a time', async () => {
    for (const timeout of ['99999999H', '2592000S', '4294967S', '20S']) {
      assert.equal((await call('Echo', 'x', { 'grpc-timeout': timeout })).code, 0, timeout);
      const long = running.client.open('/example.Example/Wait', { 'grpc-timeout': timeout });
      const before_ = running.example.calls.length;
      long.end(frame(encoded('x')));
      const ended = replyOf(long);
      await until('it waits', () => running.example.calls.length > before_);
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(running.example.calls.at(-1)?.signal.aborted, false, timeout);
      long.close(8);
      await ended;
    }
    assert.equal((await call('Echo', 'x', { 'grpc-timeout': 'soon' })).code, 13);
  });

  test('of the server: the call ends, also while its message is not whole, and when the handler does not', async () => {
    assert.deepEqual([(await call('WaitBriefly')).code, (await call('Ignore')).code], [4, 4]);
    const half = running.client.open('/example.Example/WaitBriefly');
    half.write(frame(encoded('x')).subarray(0, 3));
    const reply = await replyOf(half);
    assert.deepEqual([reply.code, reply.text], [4, 'context deadline exceeded']);
  });

  test('a caller that goes away: the handler is told', async () => {
    const before_ = running.example.calls.length;
    const stream = running.client.open('/example.Example/Wait');
    stream.end(frame(encoded('x')));
    await until('the handler waits', () => running.example.calls.length > before_);
    const signal = running.example.calls.at(-1)?.signal;
    stream.close(8);
    await until('the handler is told', () => signal?.aborted === true);
    assert.equal((signal?.reason as GrpcError | undefined)?.code, 1);
  });
});

suite('streams', () => {
  test('messages of a stream arrive in order and whole, slowly read too', async () => {
    const reply = await call('Count', '2000');
    assert.deepEqual([reply.code, reply.messages.length], [0, 2000]);
  });

  test('a stream may fail after its first message', async () => {
    const reply = await call('Fall');
    assert.deepEqual([reply.messages.map(decoded), reply.code, reply.text], [['one'], 15, 'fell']);
  });
});

suite('TLS', () => {
  test('is version 1.3 with HTTP/2, by the certificate that was given', async () => {
    const tls = await testCertificate();
    const own = await runExample({ tls });
    const client = new GrpcClient(own.port, { ca: tls.cert });
    try {
      const reply = await client.call('/example.Example/Echo', encoded('safe'));
      assert.deepEqual(reply.messages.map(decoded), ['safe!']);
      const { socket } = client.session as unknown as { socket: { getProtocol(): string; alpnProtocol: string } };
      assert.deepEqual([socket.getProtocol(), socket.alpnProtocol], ['TLSv1.3', 'h2']);
      // The client of the example speaks plain HTTP/2: it gets nothing, and hurts nobody.
      assert.equal((await own.client.call('/example.Example/Echo', encoded('x'))).code, undefined);
      assert.equal((await client.call('/example.Example/Echo', encoded('x'))).code, 0);
    } finally {
      client.destroy();
      await own.stop();
    }
  });
});

test('calls are counted under the names of go-grpc-middleware, by method and code', async () => {
  const own = await runExample();
  try {
    await own.client.call('/example.Example/Echo', encoded('a'));
    await own.client.call('/example.Example/Echo', encoded('boom'));
    await own.client.call('/example.Example/Nope', encoded('a'));
    const labels = 'grpc_type="unary",grpc_service="example.Example",grpc_method="Echo"';
    let text = '';
    await until('both are counted', async () => {
      text = await own.metrics.text();
      return text.includes(`grpc_server_handled_total{${labels},grpc_code="Internal"} 1`);
    });
    for (const line of [
      `grpc_server_started_total{${labels}} 2`,
      `grpc_server_handled_total{${labels},grpc_code="OK"} 1`,
      `grpc_server_msg_received_total{${labels}} 2`,
      `grpc_server_msg_sent_total{${labels}} 1`,
      `grpc_server_handling_seconds_count{${labels}} 2`,
    ]) {
      assert.ok(text.includes(line), line);
    }
    assert.ok(!text.includes('Nope'), 'a client cannot choose a label');
  } finally {
    await own.stop();
  }
});
