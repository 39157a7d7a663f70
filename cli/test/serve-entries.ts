import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { asJson, asSize, asText, type Json, parseJson } from '../src/self-test/check.ts';

/** An entry as the log answered it. */
export interface Appended {
  readonly index: number;
  /** Of the checkpoint in the answer. */
  readonly size: number;
  readonly entry: Json;
}

/** One client of a Rekor v2 log. */
export interface LogClient {
  append(): Promise<Appended>;
  checkpointSize(): Promise<number>;
  /** Bytes of one entry as a tree of that size serves them. */
  served(index: number, size: number): Promise<Buffer>;
  get(path: string): Promise<Buffer>;
  close(): void;
}

/** A request for one more entry. */
export function entryRequest(): string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const artifact = Buffer.from(`artifact ${Math.random()}`);
  const rawBytes = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const signature = {
    content: sign('sha256', artifact, privateKey).toString('base64'),
    verifier: { publicKey: { rawBytes }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' },
  };
  const digest = createHash('sha256').update(artifact).digest('base64');
  return JSON.stringify({ hashedRekordRequestV002: { digest, signature } });
}

/** `kept`: all requests over one connection, so that one process answers them; else each over one of its own. */
export function logClient(url: string, { kept = false } = {}): LogClient {
  const agent = kept ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
  const send = async (path: string, body?: string): Promise<{ status: number | undefined; bytes: Buffer }> => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const sent = httpRequest(`${url}${path}`, { method: body === undefined ? 'GET' : 'POST', headers, agent });
    const response = new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve);
      sent.once('error', reject);
    });
    sent.end(body);
    const answer = await response;
    return { status: answer.statusCode, bytes: await buffer(answer) };
  };
  const get = async (path: string): Promise<Buffer> => {
    const { status, bytes } = await send(path);
    assert.equal(status, 200, path);
    return bytes;
  };
  return {
    get,
    async append() {
      const { status, bytes } = await send('/api/v2/log/entries', entryRequest());
      assert.equal(status, 201, bytes.toString('utf8'));
      const entry = parseJson('entry', bytes);
      const proof = asJson('entry', entry['inclusionProof']);
      const envelope = asText('entry', asJson('entry', proof['checkpoint'])['envelope']);
      return { index: asSize('entry', proof['logIndex']), size: sizeOf(envelope), entry };
    },
    checkpointSize: async () => sizeOf(String(await get('/checkpoint'))),
    async served(index, size) {
      const bundle = Math.floor(index / 256);
      const width = Math.min(256, size - bundle * 256);
      const bytes = await get(`/tile/entries/${String(bundle).padStart(3, '0')}${width === 256 ? '' : `.p/${width}`}`);
      let at = 0;
      for (let i = bundle * 256; i < index; i += 1) at += 2 + bytes.readUInt16BE(at);
      return bytes.subarray(at + 2, at + 2 + bytes.readUInt16BE(at));
    },
    close: () => {
      if (agent !== false) agent.destroy();
    },
  };
}

/** SPEC: C2SP tlog-checkpoint, the second line */
function sizeOf(checkpoint: string): number {
  return Number(checkpoint.split('\n')[1]);
}

/** Resolves when a process has taken the request; its body is sent by finish(), which gives the status of the answer. */
export function heldAppend(url: string): Promise<{ finish: () => Promise<number | undefined> }> {
  const body = entryRequest();
  const headers = { expect: '100-continue', 'content-length': Buffer.byteLength(body) };
  const sent = httpRequest(`${url}/api/v2/log/entries`, { method: 'POST', headers, agent: false });
  const status = new Promise<number | undefined>((resolve, reject) => {
    sent.once('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.once('error', reject);
  });
  const finish = (): Promise<number | undefined> => {
    sent.end(body);
    return status;
  };
  sent.flushHeaders();
  return new Promise((resolve, reject) => {
    sent.once('continue', () => resolve({ finish }));
    status.catch(reject);
  });
}
