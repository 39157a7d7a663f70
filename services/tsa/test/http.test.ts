import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import {
  type Answer,
  DER_TYPE,
  der,
  derRequest,
  DIGEST,
  imprint,
  JSON_TYPE,
  post,
  postJson,
  refusal,
  type Running,
  runTsa,
} from './support.ts';
import { describeToken } from './token-decoder.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const GENERIC = 'Error generating timestamp response';
const MIB = 1024 * 1024;

let tsa: Running;
before(async () => {
  tsa = await runTsa();
});
after(() => tsa[Symbol.asyncDispose]());

test('D51 weak imprint, unaccepted policy, extensions, zero length, trailing bytes, BER: 400 with upstream’s text', async () => {
  const sha1 = der(0x30, hex('020101'), imprint(hex('06052b0e03021a'), Buffer.alloc(20)));
  const md5 = der(0x30, hex('020101'), imprint(hex('06082a864886f70d0205'), Buffer.alloc(16)));
  const extension = der(0xa0, der(0x30, hex('06022a03'), hex('0101ff'), der(4, [])));
  const cases: [string, Buffer, string][] = [
    ['SHA-1', sha1, 'Weak hash algorithm in timestamp request'],
    ['MD5', md5, GENERIC],
    ['policy', derRequest(hex('06032a0304')), 'unaccepted policy: requested TSA policy is not supported by the TSA'],
    [
      'critical extension',
      derRequest(extension),
      'unaccepted extension: requested extensions are not supported by the TSA',
    ],
    [
      'digest length',
      der(0x30, hex('020101'), imprint(undefined, DIGEST.subarray(1))),
      'Message digest has incorrect length for specified algorithm',
    ],
    ['trailing byte', Buffer.concat([derRequest(), hex('00')]), GENERIC],
    ['indefinite length', Buffer.concat([hex('3080'), derRequest().subarray(2), hex('0000')]), GENERIC],
    [
      'identifier of 10^6 components',
      derRequest(der(6, Buffer.alloc(1_000_000, 3))),
      'unaccepted policy: requested TSA policy is not supported by the TSA',
    ],
  ];
  for (const [what, body, message] of cases) {
    const answer = await post(tsa, body);
    assert.deepEqual(refusal(answer), [400, message], what);
    assert.equal(answer.status, 400);
    assert.equal(answer.headers['content-type'], 'application/timestamp-reply');
  }
});

test('D51 a body of 1 MiB + 1 is refused while it arrives: the answer comes before the client has sent it all', async () => {
  const answered = await new Promise<string>((resolve, reject) => {
    const socket = connect(tsa.port, '127.0.0.1', () => {
      socket.write(
        `POST /api/v1/timestamp HTTP/1.1\r\nHost: x\r\nContent-Type: application/timestamp-query\r\nTransfer-Encoding: chunked\r\n\r\n`,
      );
      const chunk = Buffer.alloc(64 * 1024);
      for (let i = 0; i < 17; i++) socket.write(Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')]));
    });
    let text = '';
    socket.on('data', (data) => {
      text += data.toString('latin1');
      if (text.includes(GENERIC)) {
        socket.destroy();
        resolve(text);
      }
    });
    socket.on('error', reject);
  });
  assert.match(answered, /^HTTP\/1\.1 400 /);
  assert.match(answered, /cache-control: no-cache/i);
});

test('a body over the limit is judged by its media type and its path first', async () => {
  const body = Buffer.alloc(MIB + 1);
  assert.equal((await tsa.send({ headers: [['Content-Type', 'text/plain']], body })).status, 415);
  assert.deepEqual(refusal(await tsa.send({ headers: [['Content-Type', 'a b']], body }))[0], 400);
  assert.deepEqual(refusal(await tsa.send({ headers: [['Content-Type', 'Application/json']], body })), [415, GENERIC]);
  assert.equal((await tsa.send({ headers: [JSON_TYPE, ['Accept', 'text/html']], body })).status, 406);
  assert.equal((await tsa.send({ method: 'PUT', headers: [JSON_TYPE], body })).status, 405);
  assert.equal((await tsa.send({ path: '/api/v1/timestamp/certchain', headers: [JSON_TYPE], body })).status, 405);
  assert.deepEqual(refusal(await tsa.send({ path: '/x', headers: [JSON_TYPE], body })), [404, 'path /x was not found']);
  assert.deepEqual(refusal(await post(tsa, Buffer.alloc(MIB))), [400, GENERIC], 'at the limit the parser decides');
});

test('D50 JSON: big nonce exact, oversize, base64 and digest length', async () => {
  const artifactHash = DIGEST.toString('base64');
  const answer = await postJson(
    tsa,
    `{"artifactHash":"${artifactHash}","hashAlgorithm":"sha256","nonce":9007199254740993,"certificates":true}`,
  );
  assert.equal(answer.status, 200);
  const token = describeToken(answer.body);
  assert.equal((token['tstInfo'] as Record<string, unknown>)['nonceHex'], '020720000000000001');
  assert.equal((token['certificates'] as string[]).length, 1);
  const long = JSON.stringify({ artifactHash, hashAlgorithm: 'sha256' }).padEnd(1025);
  assert.deepEqual(refusal(await postJson(tsa, long)), [400, 'timestamp request is too large']);
  assert.deepEqual(refusal(await postJson(tsa, { artifactHash: '***', hashAlgorithm: 'sha256' })), [400, GENERIC]);
  const short = { artifactHash: 'AAAA', hashAlgorithm: 'sha256' };
  assert.deepEqual(refusal(await postJson(tsa, short)), [
    400,
    'Message digest has incorrect length for specified algorithm',
  ]);
  const policy = { artifactHash, hashAlgorithm: 'sha256', tsaPolicyOID: 'x' };
  assert.deepEqual(refusal(await postJson(tsa, policy)), [400, 'OID should be comprised of at most 128 components']);
});

test('D52 media types: 415 where not taken, 400 where not understood', async () => {
  const typed = (type: string): Promise<Answer> => tsa.send({ headers: [['Content-Type', type]], body: derRequest() });
  for (const type of ['text/plain', 'application/x', '*/*', 'application/*', 'Application/timestamp-query'])
    assert.equal((await typed(type)).status, 415, type);
  for (const type of ['application/timestamp-query; charset=binary', 'application/timestamp-Query', 'garbage', 'a b'])
    assert.equal((await typed(type)).status, 400, type);
});

test('no body: 422, whatever its media type; 406 when the answer could not be read either', async () => {
  const required = [602, 'request in body is required'];
  const empty = await tsa.send({ headers: [DER_TYPE] });
  assert.equal(empty.status, 422);
  assert.deepEqual(refusal(empty), required);
  assert.deepEqual(
    refusal(await tsa.send({ headers: [['Content-Type', 'text/plain']], body: Buffer.alloc(0) })),
    required,
  );
  assert.deepEqual(refusal(await tsa.send({ headers: [['Accept', 'application/json']] })), required);
  assert.deepEqual(refusal(await tsa.send({ headers: [['Accept', 'text/html']] })), [
    406,
    'unsupported media type requested, only [application/timestamp-reply application/json] are available',
  ]);
});
