import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CtRefusedError, httpCtClient } from '@sigstead/ca';
import { addChainResponse, ctDigitallySigned } from '@sigstead/formats';
import { withServer } from './support/local-server.ts';

const SCT = {
  logId: Buffer.alloc(32, 7),
  timestampMs: 1_800_000_000_000,
  extensions: Buffer.alloc(0),
  signature: ctDigitallySigned('ecdsa-p256', Buffer.from('3006020101020101', 'hex')),
};
const GOOD = JSON.stringify(addChainResponse(SCT));

test('the chain goes to add-pre-chain below the URL, with or without a slash at its end', async () => {
  const asked: string[] = [];
  await withServer(
    (request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.end(GOOD);
    },
    async (url) => {
      for (const base of [`${url}/log`, `${url}/log/`]) {
        const sct = await httpCtClient({ url: base }).addPreChain([Buffer.from('a')]);
        assert.equal(sct.timestampMs, SCT.timestampMs);
        assert.deepEqual(Buffer.from(sct.logId), SCT.logId);
      }
    },
  );
  assert.deepEqual(asked, ['POST /log/ct/v1/add-pre-chain', 'POST /log/ct/v1/add-pre-chain']);
});

test('a refusal that a later try may cure is told from one that stays', async () => {
  for (const [status, stays] of [
    [400, true],
    [404, true],
    [301, true],
    [403, true],
    [408, false],
    [429, false],
    [500, false],
    [503, false],
  ] as const) {
    await withServer(
      (_request, response) => void response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end('no'),
      async (url) => {
        await assert.rejects(
          httpCtClient({ url }).addPreChain([]),
          (error: unknown) => error instanceof CtRefusedError === stays,
        );
      },
    );
  }
});

const GARBAGE: Record<string, string> = {
  'no JSON': '<html>',
  'an empty body': '',
  'a list': '[]',
  'text after the object': `${GOOD}x`,
  'another version': GOOD.replace('"sct_version":0', '"sct_version":1'),
  'a short log id': GOOD.replace(/"id":"[^"]+"/, '"id":"AAAA"'),
  'a time with an exponent': GOOD.replace('1800000000000', '1.8e12'),
  'a negative time': GOOD.replace('1800000000000', '-1'),
  'a signature that is no text': GOOD.replace(/"signature":"[^"]+"/, '"signature":5'),
  'a signature without envelope': GOOD.replace(/"signature":"[^"]+"/, '"signature":"AAAA"'),
  'more than 64 KiB': GOOD + ' '.repeat(70_000),
};

for (const [what, body] of Object.entries(GARBAGE)) {
  test(`200 with ${what} is a refusal`, () =>
    withServer(
      (_request, response) => void response.end(body),
      async (url) => {
        await assert.rejects(httpCtClient({ url }).addPreChain([]), CtRefusedError);
      },
    ));
}

test('the signal ends the wait', async () => {
  await withServer(
    () => undefined,
    async (url) => {
      const pending = httpCtClient({ url }).addPreChain([], AbortSignal.timeout(20));
      await assert.rejects(pending, (error: unknown) => !(error instanceof CtRefusedError));
    },
  );
});

test('a kept connection that the log cuts at the next request is replaced, once', async () => {
  let requests = 0;
  await withServer(
    (request, response) => {
      requests += 1;
      if (requests === 2) return void request.socket.resetAndDestroy();
      response.end(GOOD);
    },
    async (url) => {
      const client = httpCtClient({ url });
      await client.addPreChain([]);
      assert.equal((await client.addPreChain([])).timestampMs, SCT.timestampMs);
    },
  );
  assert.equal(requests, 3);
});
