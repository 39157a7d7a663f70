import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { createPublicKey } from 'node:crypto';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { checkTree } from '../src/fsck/check-tree.ts';
import { readCheckpointKey } from '../src/fsck/checkpoint-key.ts';
import { httpSource } from '../src/fsck/http-source.ts';
import type { TreeReport } from '../src/fsck/report.ts';
import { hashedRekord, newKey } from './support/entries.ts';
import { checkpointText, goldenEntries, KEY_PEM, ORIGIN, treeFiles } from './support/folder-log.ts';
import { send } from './support/raw-http.ts';
import { startServer } from './support/server.ts';
import { hasher } from './support/test-log.ts';

const LIMITS = { tryMs: 5000, tries: 3, firstPauseMs: 100, longestPauseMs: 1000 };
const FILES: ReadonlyMap<string, Buffer> = treeFiles(goldenEntries(600));

const closing: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closing) await close();
});

type Answer = (path: string, request: IncomingMessage, response: ServerResponse) => void;

/** A server that answers as the test says; paths are below `/log/`. */
async function serve(answer: Answer): Promise<URL> {
  const server = createServer((request, response) => {
    answer((request.url ?? '').replace(/^\/log\//, ''), request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closing.push(() => {
    server.closeAllConnections();
    return promisify(server.close.bind(server))();
  });
  return new URL(`http://127.0.0.1:${(server.address() as { port: number }).port}/log`);
}

const files: Answer = (path, _request, response) => {
  const bytes = FILES.get(path);
  response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
};

/** As `files`, but one resource is answered otherwise. */
function but(
  special: string,
  answer: (request: IncomingMessage, response: ServerResponse, nth: number) => void,
): Answer {
  let nth = 0;
  return (path, request, response) => {
    if (path === special) answer(request, response, nth++);
    else files(path, request, response);
  };
}

async function check(url: URL, limits = LIMITS): Promise<TreeReport & { pauses: number[] }> {
  const pauses: number[] = [];
  const source = httpSource({
    url,
    connections: 4,
    limits,
    pause: (ms) => {
      pauses.push(ms);
      return Promise.resolve();
    },
  });
  try {
    return { ...(await checkTree({ source, hasher, key: readCheckpointKey(KEY_PEM), readAhead: 4 })), pauses };
  } finally {
    await source.close();
  }
}

test('a live log is checked over HTTP under both of its prefixes, with its key and with a wrong one', async () => {
  const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
  const server = await startServer({
    logs: [{ name: 'v2', origin: ORIGIN, kind: 'rekor-v2', signer, create: true }],
  });
  try {
    const key = newKey();
    const size = 300;
    const posts = Array.from({ length: size }, (_, i) => {
      const body = Buffer.from(JSON.stringify(hashedRekord(key, `message ${i}`)));
      return send(server.port, { method: 'POST', path: '/api/v2/log/entries', body });
    });
    for (const { status } of await Promise.all(posts)) assert.equal(status, 201);
    const pem = createPublicKey({ key: Buffer.from(signer.spki), format: 'der', type: 'spki' })
      .export({ format: 'pem', type: 'spki' })
      .toString();
    for (const prefix of ['', '/api/v2/']) {
      for (const [text, outcome] of [[pem, 'ok'] as const, [KEY_PEM, 'bad'] as const]) {
        const source = httpSource({
          url: new URL(server.url + prefix),
          connections: 4,
          pause: () => Promise.resolve(),
        });
        const report = await checkTree({ source, hasher, key: readCheckpointKey(text), readAhead: 4 });
        await source.close();
        assert.equal(report.outcome, outcome, JSON.stringify(report.problems));
        assert.equal(report.checked.entries, outcome === 'ok' ? size : 0);
      }
    }
  } finally {
    await server.close();
  }
});

test('a sound log is ok, also when every answer is compressed', async () => {
  const plain = await check(await serve(files));
  assert.deepEqual([plain.outcome, plain.problems, plain.checked.entries], ['ok', [], 600]);
  const url = await serve((path, request, response) => {
    assert.match(String(request.headers['accept-encoding']), /gzip/);
    const bytes = FILES.get(path);
    if (bytes === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(bytes));
  });
  const packed = await check(url);
  assert.deepEqual([packed.outcome, packed.problems], ['ok', []]);
});

test('nobody there, a server that answers nothing, and one that only fails are bad, and say so', async () => {
  const gone = await serve(files);
  await closing.pop()?.();
  const none = await check(gone);
  assert.deepEqual([none.outcome, none.complete, none.problems[0]?.code], ['bad', false, 'unreachable']);
  assert.deepEqual(none.pauses, [100, 200]);
  const silent = await check(await serve(() => undefined), { ...LIMITS, tryMs: 50, tries: 2 });
  assert.equal(silent.problems[0]?.code, 'unreachable');
  assert.match(silent.problems[0]?.text ?? '', /within 50 ms/);
  const failing = await check(await serve((_path, _request, response) => response.writeHead(500).end()));
  assert.deepEqual([failing.outcome, failing.problems[0]?.code], ['bad', 'checkpoint']);
});

test('what fails in passing is asked for again: cut connections, 503 and 429, Retry-After within limits', async () => {
  const cut = but('tile/entries/001', (_request, response, nth) => {
    if (nth > 0) return files('tile/entries/001', _request, response);
    response.writeHead(200, { 'content-length': '1000' }).write('x');
    setImmediate(() => response.destroy());
  });
  assert.equal((await check(await serve(cut))).outcome, 'ok');
  const busy = but('tile/0/000', (_request, response, nth) => {
    if (nth === 2) files('tile/0/000', _request, response);
    else response.writeHead(nth === 0 ? 503 : 429, { 'retry-after': nth === 0 ? '99999' : '0' }).end();
  });
  const report = await check(await serve(busy));
  assert.equal(report.outcome, 'ok');
  assert.deepEqual(report.pauses, [1000, 200]);
});

test('a resource that stays broken is named, and the others are still checked', async () => {
  for (const status of [302, 403, 500]) {
    const report = await check(
      await serve(but('tile/0/001', (_request, response) => response.writeHead(status).end())),
    );
    assert.equal(report.complete, true);
    assert.deepEqual(
      report.problems.map(({ code, resource }) => [code, resource]),
      [['unreadable', 'tile/0/001']],
    );
  }
  const missing = await check(await serve(but('tile/entries/000', (_r, response) => response.writeHead(404).end())));
  assert.deepEqual([missing.outcome, missing.problems[0]?.code], ['bad', 'missing']);
});

test('an answer without end, or one that unpacks to far more, is read no further than its limit', async () => {
  let sent = 0;
  const endless = but('tile/0/001', (_request, response) => {
    response.writeHead(200);
    const chunk = Buffer.alloc(16_384);
    const more = (): void => {
      if (response.destroyed) return;
      sent += chunk.length;
      response.write(chunk, () => setImmediate(more));
    };
    more();
  });
  const cut = await check(await serve(endless));
  assert.deepEqual([cut.problems[0]?.code, cut.problems[0]?.resource], ['unreadable', 'tile/0/001']);
  assert.ok(sent < 16 * 2 ** 20, `${sent} bytes were taken`);
  const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20));
  const packed = but('tile/0/001', (_request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
  );
  assert.equal((await check(await serve(packed))).problems[0]?.code, 'unreadable');
  const torn = but('tile/0/001', (_request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(100)).subarray(0, 20)),
  );
  assert.equal((await check(await serve(torn))).problems[0]?.code, 'unreadable');
  const odd = but('checkpoint', (_request, response) => response.writeHead(200, { 'content-encoding': 'br' }).end('x'));
  assert.equal((await check(await serve(odd))).problems[0]?.code, 'checkpoint');
});

test('a server that claims more entries than it has is found out at the first one missing', async () => {
  const larger = checkpointText(10 ** 12, hasher.leaf(Buffer.from('x')));
  const report = await check(
    await serve(but('checkpoint', (_request, response) => response.writeHead(200).end(larger))),
  );
  assert.deepEqual([report.outcome, report.complete], ['bad', false]);
  assert.ok(report.checked.entries <= 512);
});

test('reports do not carry the password of an address', async () => {
  const url = await serve(files);
  url.username = 'user';
  url.password = 'secret';
  const report = await check(url);
  assert.equal(report.outcome, 'ok');
  assert.doesNotMatch(JSON.stringify(report), /secret/);
});
