import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { parseSignedCheckpoint, publicKeyFromSpki, noteVerifier, verifyNote } from '@sigstead/formats';
import { signerFromPem } from '@sigstead/keys';
import { verifyInclusion } from '@sigstead/merkle';
import { RECORDED_EXCEPTIONS } from './recorded-exceptions.ts';
import { type RawResponse, send } from './support/raw-http.ts';
import { startServer, type TestServer } from './support/server.ts';
import { hasher } from './support/test-log.ts';

interface RecordedRequest {
  method: string;
  path: string;
  headers: [string, string][];
  body?: string;
  bodyBase64?: string;
  bodyGenerator?: { parts?: [string, number][]; base64Parts?: [string, number][] };
}

interface RecordedLine {
  name: string;
  server: 'rekor' | 'rekor-readonly';
  before?: RecordedRequest[];
  request: RecordedRequest;
  compare: 'exact' | 'json' | 'json-status-and-code' | 'entry' | 'duplicate';
  response: {
    status: number;
    headers: Record<string, string>;
    body?: string;
    bodyText?: string;
    canonicalizedBodyText?: string;
  };
}

const FOLDER = new URL('../../../test/vectors/recorded/', import.meta.url);
const lines = readFileSync(new URL('rekor2.jsonl', FOLDER), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as RecordedLine);
const signer = signerFromPem(readFileSync(new URL('keys/rekor.pem', FOLDER), 'utf8'));

const servers: Partial<Record<RecordedLine['server'], TestServer>> = {};
before(async () => {
  // The switches as upstream behaves; what the others do has tests of its own.
  const asUpstream = { duplicates: 'conflict', dsse: false } as const;
  const log = { name: 'v2', origin: 'localhost', kind: 'rekor-v2', signer, create: true, ...asUpstream } as const;
  servers.rekor = await startServer({ logs: [log] });
  servers['rekor-readonly'] = await startServer({ logs: [{ ...log, readOnly: true }] });
});
after(async () => {
  for (const server of Object.values(servers)) await server?.close();
});

function bodyOf(request: RecordedRequest): Buffer | undefined {
  if (request.body !== undefined) return Buffer.from(request.body);
  if (request.bodyBase64 !== undefined) return Buffer.from(request.bodyBase64, 'base64');
  const { parts, base64Parts } = request.bodyGenerator ?? {};
  if (parts !== undefined) return Buffer.from(parts.map(([text, times]) => text.repeat(times)).join(''));
  return (
    base64Parts && Buffer.concat(base64Parts.flatMap(([b64, n]) => Array<Buffer>(n).fill(Buffer.from(b64, 'base64'))))
  );
}

function ask(port: number, request: RecordedRequest): Promise<RawResponse> {
  const body = bodyOf(request);
  const { method, path, headers } = request;
  return send(port, { method, path, headers, ...(body === undefined ? {} : { body }) });
}

/** Throws when the answer is not alike. */
function compare(line: RecordedLine, answer: RawResponse): void {
  const { response } = line;
  const text = answer.body.toString('utf8');
  assert.equal(answer.status, response.status);
  assert.equal(answer.headers['content-type'], response.headers['content-type']);
  if (line.compare === 'exact') return assert.equal(text, response.bodyText ?? response.body ?? '');
  const recorded = JSON.parse(response.body ?? '') as Record<string, unknown>;
  const ours = JSON.parse(text) as Record<string, unknown>;
  if (line.compare === 'json') return assert.deepEqual(ours, recorded);
  if (line.compare === 'json-status-and-code') return assert.equal(ours['code'], recorded['code']);
  if (line.compare === 'entry') return compareEntry(line, ours, recorded);
  assert.match(String(answer.headers['x-log-index']), /^\d+$/);
  const upToIndex = (message: unknown): string => String(message).replace(/\d+$/, '');
  assert.equal(upToIndex(ours['message']), upToIndex(recorded['message']));
}

function compareEntry(line: RecordedLine, ours: Record<string, unknown>, recorded: Record<string, unknown>): void {
  const body = Buffer.from(String(ours['canonicalizedBody']), 'base64');
  assert.equal(body.toString('utf8'), line.response.canonicalizedBodyText);
  assert.deepEqual(Object.keys(ours), Object.keys(recorded));
  for (const member of ['logId', 'kindVersion', 'integratedTime', 'inclusionPromise']) {
    assert.deepEqual(ours[member], recorded[member]);
  }
  const proof = ours['inclusionProof'] as Record<string, string> & {
    hashes: string[];
    checkpoint: { envelope: string };
  };
  assert.deepEqual(Object.keys(proof), Object.keys(recorded['inclusionProof'] as object));
  const { checkpoint, note } = parseSignedCheckpoint(proof.checkpoint.envelope);
  verifyNote(note, [noteVerifier('localhost', publicKeyFromSpki(signer.spki))]);
  assert.equal(ours['logIndex'], proof['logIndex']);
  verifyInclusion({
    hasher,
    index: Number(proof['logIndex']),
    size: checkpoint.size,
    leafHash: hasher.leaf(body),
    proof: proof.hashes.map((each) => Buffer.from(each, 'base64')),
    root: checkpoint.root,
  });
}

test('every recorded Rekor v2 answer is answered alike, or stands in the list of exceptions', async (t) => {
  const exceptions = new Map(RECORDED_EXCEPTIONS.map((each) => [each.name, each]));
  const counts = { alike: 0, later: 0, departure: 0 };
  const wrong: string[] = [];
  for (const line of lines) {
    const port = servers[line.server]?.port ?? 0;
    for (const request of line.before ?? []) assert.equal((await ask(port, request)).status, 201);
    const answer = await ask(port, line.request);
    const exception = exceptions.get(line.name);
    try {
      compare(line, answer);
      if (exception !== undefined) wrong.push(`${line.name}: listed as ${exception.kind}, but alike`);
      else counts.alike += 1;
    } catch (error) {
      if (exception !== undefined) counts[exception.kind] += 1;
      else
        wrong.push(
          `${line.name}: ${line.response.status} → ${answer.status} ${answer.body.toString('utf8').slice(0, 150)} (${String(error).slice(0, 200)})`,
        );
    }
  }
  const names = new Set(lines.map((line) => line.name));
  for (const name of exceptions.keys()) if (!names.has(name)) wrong.push(`${name}: listed, but not recorded`);
  t.diagnostic(
    `rekor2: ${counts.alike} alike, ${counts.later} later, ${counts.departure} departure of ${lines.length}`,
  );
  assert.deepEqual(wrong, []);
});
