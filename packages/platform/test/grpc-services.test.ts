import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { decodeWire, encodeWire, type WireSchema } from '@sigstead/formats';
import { frame, GrpcClient, replyOf } from '@sigstead/test';
import { rawConnection, runExample, TEXT, until } from './support/example-grpc.ts';

const LIMITS = { maxBytes: 2 ** 20, maxFields: 10_000 };
const STATUS = { status: { number: 1, kind: 'enum', values: {} } } as const satisfies WireSchema;
const SERVICE = { service: { number: 1, kind: 'string' } } as const satisfies WireSchema;
const [SERVING, NOT_SERVING, SERVICE_UNKNOWN] = [1, 2, 3];

const asked = (service: string): Buffer => encodeWire(SERVICE, { service });
const told = (message: Uint8Array | undefined): number =>
  decodeWire(STATUS, message ?? Buffer.alloc(0), LIMITS).status ?? 0;

suite('health', () => {
  test('Check: the server lives, a service is ready or not, another one is not known', async () => {
    const own = await runExample({
      health: [
        { service: 'example.Example', ready: async () => true },
        { service: 'example.Ill', ready: async () => false },
      ],
    });
    try {
      const check = async (service: string): Promise<[number | undefined, string, number]> => {
        const { code, text, messages } = await own.client.call('/grpc.health.v1.Health/Check', asked(service));
        return [code, text, told(messages[0])];
      };
      assert.deepEqual(await check(''), [0, 'OK', SERVING]);
      assert.deepEqual(await check('example.Example'), [0, 'OK', SERVING]);
      assert.deepEqual(await check('example.Ill'), [0, 'OK', NOT_SERVING]);
      assert.deepEqual(await check('example.Nope'), [5, 'unknown service', 0]);
      const list = await own.client.call('/grpc.health.v1.Health/List', Buffer.alloc(0));
      assert.equal(list.messages[0]?.toString('latin1').includes('example.Ill'), true);
    } finally {
      await own.stop();
    }
  });

  test('Watch: says each change once, of an unknown service too, and ends when the server does', async () => {
    let isReady = true;
    let questions = 0;
    const ready = async (): Promise<boolean> => {
      questions += 1;
      return isReady;
    };
    const own = await runExample({ health: [{ service: 'example.Example', ready }] });
    try {
      const watch = (service: string) => {
        const stream = own.client.open('/grpc.health.v1.Health/Watch');
        const seen: number[] = [];
        stream.on('data', (chunk: Buffer) => seen.push(told(chunk.subarray(5))));
        stream.end(frame(asked(service)));
        return { seen, ended: replyOf(stream) };
      };
      const watchers = Array.from({ length: 20 }, () => watch('example.Example'));
      const unknown = watch('example.Nope');
      await until('all were told', () => watchers.every(({ seen }) => seen.length === 1));
      isReady = false;
      await until('all were told again', () => watchers.every(({ seen }) => seen.length === 2));
      assert.ok(questions <= 4, `one question a second for all: ${questions}`);
      void own.server.close();
      for (const { seen, ended } of watchers) {
        assert.deepEqual([(await ended).code, seen], [14, [SERVING, NOT_SERVING]]);
      }
      assert.deepEqual([(await unknown.ended).code, unknown.seen], [14, [SERVICE_UNKNOWN]]);
    } finally {
      await own.stop();
    }
  });
});

suite('reflection', () => {
  const ANSWER = {
    files: { number: 4, kind: 'message', message: { descriptor: { number: 1, kind: 'bytes', repeated: true } } },
    list: {
      number: 6,
      kind: 'message',
      message: {
        service: { number: 1, kind: 'message', repeated: true, message: { name: { number: 1, kind: 'string' } } },
      },
    },
    error: {
      number: 7,
      kind: 'message',
      message: { code: { number: 1, kind: 'int32' }, text: { number: 2, kind: 'string' } },
    },
  } as const satisfies WireSchema;
  const QUESTION = {
    file: { number: 3, kind: 'string', oneof: 'q' },
    symbol: { number: 4, kind: 'string', oneof: 'q' },
    numbers: { number: 6, kind: 'string', oneof: 'q' },
    list: { number: 7, kind: 'string', oneof: 'q' },
  } as const satisfies WireSchema;
  const FILE = { name: { number: 1, kind: 'string' } } as const satisfies WireSchema;

  for (const version of ['v1', 'v1alpha']) {
    test(`${version}: lists the services, and gives the files of a name, each once on a stream`, async () => {
      const own = await runExample();
      try {
        const stream = own.client.open(`/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`);
        const questions = [
          { list: '*' },
          { symbol: 'example.Example.Echo' },
          { symbol: 'example.Text.text' },
          { file: 'grpc/health/v1/health.proto' },
          { symbol: 'example.Nope' },
          { numbers: 'example.Text' },
          {},
        ];
        for (const question of questions) stream.write(frame(encodeWire(QUESTION, question)));
        const reply = await replyOf(stream);
        const answers = reply.messages.map((message) => decodeWire(ANSWER, message, LIMITS));
        const names = [
          'grpc.health.v1.Health',
          'grpc.reflection.v1.ServerReflection',
          'grpc.reflection.v1alpha.ServerReflection',
        ];
        assert.deepEqual(
          answers[0]?.list?.service?.map(({ name }) => name),
          ['example.Example', ...names],
        );
        const files = answers.map(({ files: found }) =>
          found?.descriptor?.map((bytes) => decodeWire(FILE, bytes, LIMITS).name),
        );
        assert.deepEqual(files.slice(1, 4), [['example.proto'], ['example.proto'], ['grpc/health/v1/health.proto']]);
        assert.deepEqual(answers[4]?.error, { code: 5, text: 'not found' });
        // Without extensions there are no numbers, and what is no question ends the stream.
        assert.deepEqual([answers[5]?.error, answers.length, reply.code], [undefined, 6, 3]);
      } finally {
        await own.stop();
      }
    });
  }
});

suite('the end', () => {
  test('calls under way are answered; new connections are refused; then all is closed', async () => {
    const own = await runExample();
    const open = Array.from({ length: 3 }, () => own.client.call('/example.Example/WaitBriefly', Buffer.alloc(0)));
    await until('all wait', () => own.example.calls.length === 3);
    const closed = own.server.close();
    for (const reply of await Promise.all(open)) assert.equal(reply.code, 4);
    await closed;
    const late = new GrpcClient(own.port);
    assert.equal((await late.call('/example.Example/Echo', Buffer.alloc(0))).code, undefined);
    late.destroy();
    await own.server.close();
    await assert.rejects(own.server.listen({ port: 0 }), /closed/);
  });

  test('what does not end is cut at the deadline: a call that waits, a connection that says nothing, one that reads nothing', async () => {
    const own = await runExample();
    const waiting = own.client.call('/example.Example/Wait', Buffer.alloc(0));
    await until('it waits', () => own.example.calls.length === 1);
    const silent = rawConnection(own.port, { preface: false });
    const deaf = own.client.open('/example.Example/Count');
    deaf.end(frame(encodeWire(TEXT, { text: '100000' })));
    deaf.on('error', () => undefined);
    await once(deaf, 'response');
    deaf.pause();
    await own.server.close({ deadlineMs: 100 });
    assert.equal((await waiting).code, undefined);
    await silent.closed;
    assert.equal(own.example.calls[0]?.signal.aborted, true);
    own.client.destroy();
  });

  test('idle connections do not hold it up', async () => {
    const own = await runExample();
    const clients = Array.from({ length: 5 }, () => new GrpcClient(own.port));
    for (const client of clients) await client.call('/example.Example/Echo', Buffer.alloc(0));
    // Far longer than a test may take.
    await own.server.close({ deadlineMs: 600_000 });
    for (const client of [...clients, own.client]) client.destroy();
  });
});
