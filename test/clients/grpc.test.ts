import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { composeLog, type LogHandle, type LogSpec } from '@sigstead/log';
import {
  createGrpcServer,
  createHttpServer,
  createMetrics,
  type GrpcServerOptions,
  silentLogger,
  systemClock,
} from '@sigstead/platform';
import { testCertificate, testDatabase } from '../support/index.ts';
import { needs, programOf, temporaryFolder } from './environment.ts';
import { runOk } from './process.ts';
import { goGrpc } from './tools.ts';

const { skip } = needs(goGrpc);
const REKOR = 'dev.sigstore.rekor.v2.Rekor';
const SERVICES = [
  REKOR,
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
];

interface Answer {
  code?: string;
  text?: string;
  message?: Record<string, unknown>;
  bytes?: string;
  header?: Record<string, string[]>;
  names?: string[];
}

/** What upstream's code says to each question, in order. */
async function ask(args: readonly string[], questions: readonly object[]): Promise<Answer[]> {
  const input = questions.map((question) => `${JSON.stringify(question)}\n`).join('');
  const { stdout } = await runOk(programOf(goGrpc), args, { input });
  const answers = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);
  assert.equal(answers.length, questions.length);
  return answers;
}

interface Key {
  readonly spki: Buffer;
  readonly privateKey: KeyObject;
}

function newKey(): Key {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { spki: publicKey.export({ type: 'spki', format: 'der' }), privateKey };
}

function request({ spki, privateKey }: Key, text: string): object {
  const verifier = { publicKey: { rawBytes: spki.toString('base64') }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' };
  const content = sign('sha256', Buffer.from(text), privateKey).toString('base64');
  const digest = createHash('sha256').update(text).digest('base64');
  return { hashedRekordRequestV002: { digest, signature: { content, verifier } } };
}

interface Served {
  readonly handle: LogHandle;
  readonly url: string;
  readonly address: string;
  readonly close: () => Promise<void>;
}

async function serve(spec: Partial<LogSpec>, tls?: GrpcServerOptions['tls']): Promise<Served> {
  const database = await testDatabase();
  const metrics = createMetrics();
  const signer = signerFromPem(generatePrivateKeyPem('ed25519'));
  const fixed = { name: 'v2', kind: 'rekor-v2', origin: 'log.example.com', signer, create: true } as const;
  const handle = await composeLog({
    connectionString: database.connectionString,
    logger: silentLogger,
    metrics,
    clock: systemClock,
    logs: [{ ...fixed, ...spec }],
  });
  const http = createHttpServer({ logger: silentLogger, metrics });
  await http.app.register(handle.routes);
  const { files, health } = handle.grpc('v2');
  const served = { logger: silentLogger, metrics, files, health: [health] };
  const grpc = createGrpcServer({ ...served, ...(tls === undefined ? {} : { tls }) });
  const { port } = await grpc.listen({ host: '127.0.0.1', port: 0 });
  return {
    handle,
    url: `http://127.0.0.1:${(await http.listen({ host: '127.0.0.1', port: 0 })).port}`,
    address: `127.0.0.1:${port}`,
    close: async () => {
      await grpc.close();
      await http.close();
      await handle.close();
      await database.drop();
    },
  };
}

describe('grpc-go with the code that rekor-tiles generates', { skip }, () => {
  test('B32 creates entries, and gets the answers that it would get over HTTP', async () => {
    const log = await serve({});
    after(() => log.close());
    const key = newKey();
    const messages = ['one', 'two', 'three'].map((text) => request(key, text));
    const answers = await ask(
      ['dial', log.address],
      messages.map((message) => ({ op: 'create', message })),
    );
    for (const [i, { code, message }] of answers.entries()) {
      assert.equal(code, 'OK');
      // The same entry again, in JSON: its proof is for a larger tree unless it is the last.
      const posted = await fetch(`${log.url}/api/v2/log/entries`, {
        method: 'POST',
        body: JSON.stringify(messages[i]),
      });
      assert.equal(posted.status, 201);
      const { inclusionProof: _theirs, ...rest } = (await posted.json()) as Record<string, unknown>;
      const { inclusionProof: ours, ...own } = message ?? {};
      assert.deepEqual(own, rest);
      if (i === 2) assert.deepEqual(ours, _theirs);
    }
    const [bad] = await ask(['dial', log.address], [{ op: 'create', message: { hashedRekordRequestV002: {} } }]);
    assert.deepEqual([bad?.code, bad?.text], ['InvalidArgument', 'invalid hashedrekord request']);
  });

  test('is told of a duplicate as upstream tells it, and that a log is closed', async () => {
    const conflict = await serve({ duplicates: 'conflict' });
    const closed = await serve({ readOnly: true });
    after(() => Promise.all([conflict.close(), closed.close()]));
    const message = request(newKey(), 'twice');
    const [first, second] = await ask(
      ['dial', conflict.address],
      [
        { op: 'create', message },
        { op: 'create', message },
      ],
    );
    const text = 'an equivalent entry already exists in the transparency log with index 0';
    assert.deepEqual([first?.code, second?.code, second?.text], ['OK', 'AlreadyExists', text]);
    assert.deepEqual(second?.header?.['x-log-index'], ['0']);
    const [refused] = await ask(['dial', closed.address], [{ op: 'create', message }]);
    assert.deepEqual([refused?.code, refused?.text], ['Unimplemented', 'log frozen']);
  });

  test('B32 asks for the log\u2019s health, reads it, and finds upstream\u2019s own messages by reflection; over TLS too', async () => {
    const tls = await testCertificate();
    const folder = await temporaryFolder();
    const ca = join(folder, 'ca.pem');
    await writeFile(ca, tls.cert);
    const plain = await serve({});
    const safe = await serve({}, tls);
    after(() => Promise.all([plain.close(), safe.close()]));
    for (const [args, log] of [
      [['dial', plain.address], plain],
      [['dial', safe.address, ca], safe],
    ] as const) {
      const message = request(newKey(), 'first');
      const described = SERVICES.map((service) => ({ op: 'descriptors', service }));
      const [created, health, whole, unknown, list, watched, checkpoint, tile, bundle, nowhere, v1, v1alpha, ...files] =
        await ask(args, [
          { op: 'create', message },
          { op: 'health', service: REKOR },
          { op: 'health', service: '' },
          { op: 'health', service: 'nobody' },
          { op: 'health-list' },
          { op: 'watch', service: REKOR },
          { op: 'checkpoint' },
          { op: 'tile', message: { L: 0, N: '000.p/1' } },
          { op: 'bundle', message: { N: '000.p/1' } },
          { op: 'tile', message: { L: 0, N: '001' } },
          { op: 'services', version: 'v1' },
          { op: 'services', version: 'v1alpha' },
          ...described,
          { op: 'descriptors', service: 'example.Nope' },
        ]);
      assert.equal(created?.code, 'OK');
      for (const answer of [health, whole, watched]) assert.deepEqual(answer?.message, { status: 'SERVING' });
      assert.deepEqual([unknown?.code, unknown?.text], ['NotFound', 'unknown service']);
      const serving = { status: 'SERVING' };
      assert.deepEqual(list?.message, { statuses: { '': serving, [REKOR]: serving } });
      const served = async (path: string): Promise<string> =>
        Buffer.from(await (await fetch(log.url + path)).arrayBuffer()).toString('base64');
      assert.equal(checkpoint?.message?.['data'], await served('/checkpoint'));
      assert.equal(tile?.message?.['data'], await served('/tile/0/000.p/1'));
      assert.equal(bundle?.message?.['data'], await served('/tile/entries/000.p/1'));
      assert.deepEqual([nowhere?.code, nowhere?.text], ['NotFound', 'Not Found']);
      assert.deepEqual([v1?.names, v1alpha?.names], [SERVICES, SERVICES]);
      // Linked, and compared field by field with the descriptors in upstream's code: nothing differs.
      const compared = files.slice(0, -1).map(({ code, text, names = [] }) => [code, text, names]);
      assert.deepEqual(
        compared,
        ['11 files', '1 files', '1 files', '1 files'].map((text) => ['OK', text, []]),
      );
      assert.deepEqual([files.at(-1)?.code, files.at(-1)?.text], ['5', 'not found']);
    }
  });

  test('reads the vectors of the binary format as they are written down', async () => {
    const path = join(import.meta.dirname, '..', '..', 'packages', 'formats', 'test', 'vectors', 'protobuf-go.jsonl');
    interface Vector {
      name: string;
      message: string;
      input?: string;
      known?: string;
      refused?: string;
    }
    const vectors = readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Vector);
    const given = vectors.filter(({ input }) => input !== undefined);
    const questions = given.map(({ message, input }) => ({ op: 'decode', service: message, bytes: input }));
    const answers = await ask(['decode'], questions);
    for (const [i, { name, known, refused }] of given.entries()) {
      const { code, text, bytes } = answers[i] ?? {};
      if (refused === undefined) assert.deepEqual([code, bytes ?? ''], ['OK', known], name);
      // Go puts one of two kinds of space behind the colon.
      else assert.equal(text?.replace('\u00a0', ' '), refused, name);
    }
  });
});
