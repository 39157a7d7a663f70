import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeGatewayBody, FormatError } from '../src/index.ts';
import { recordedLines } from './support/recorded.ts';
import { FULCIO, REKOR } from './support/proto-schemas.ts';

interface Line {
  name: string;
  compare: string;
  request: {
    method: string;
    path: string;
    body?: string;
    bodyTemplate?: string;
    bodyBase64?: string;
    bodyGenerator?: { parts?: [string, number][] };
  };
  response: { status: number; body?: string };
}

function bodyOf({ request }: Line): Buffer | undefined {
  if (request.bodyBase64 !== undefined) return Buffer.from(request.bodyBase64, 'base64');
  const parts = request.bodyGenerator?.parts?.map(([text, times]) => text.repeat(times)).join('');
  const text = request.body ?? request.bodyTemplate ?? parts;
  return text === undefined ? undefined : Buffer.from(text);
}

const PARSER_TEXT = /^proto:|^invalid character|EOF$/;

function replay(file: string, path: string, read: (body: Buffer) => void): { refused: number; accepted: number } {
  const count = { refused: 0, accepted: 0 };
  for (const line of recordedLines<Line>(file)) {
    const body = bodyOf(line);
    if (line.request.method !== 'POST' || line.request.path !== path || body === undefined) continue;
    const message = line.response.body?.startsWith('{')
      ? (JSON.parse(line.response.body) as { message?: string }).message
      : undefined;
    const said = message?.replaceAll('\u00a0', ' ');
    if (said === 'http: request body too large' || (said === undefined && line.response.status >= 400)) continue;
    if (said !== undefined && PARSER_TEXT.test(said)) {
      assert.throws(
        () => read(body),
        (error) => {
          assert.ok(error instanceof FormatError, line.name);
          if (line.compare === 'json') assert.equal(error.message, said, line.name);
          if (
            line.compare !== 'json' &&
            !line.request.bodyTemplate &&
            said.length < 300 &&
            said !== 'proto: unexpected EOF'
          ) {
            assert.equal(error.message, said, line.name);
          }
          return true;
        },
        line.name,
      );
      count.refused++;
    } else {
      assert.doesNotThrow(() => read(body), line.name);
      count.accepted++;
    }
  }
  return count;
}

test('every recorded rekor-tiles request is accepted or refused by the parser as recorded, with the same words', () => {
  const { refused, accepted } = replay('rekor2.jsonl', '/api/v2/log/entries', (body) =>
    decodeGatewayBody(REKOR, body, { unknown: 'reject' }),
  );
  assert.ok(refused >= 20 && accepted >= 80, `${refused} refused, ${accepted} accepted`);
});

test('every recorded Fulcio v2 request is accepted or refused by the parser as recorded', () => {
  const { refused, accepted } = replay('ca-requests.jsonl', '/api/v2/signingCert', (body) =>
    decodeGatewayBody(FULCIO, body, { unknown: 'ignore' }),
  );
  assert.ok(refused >= 15 && accepted >= 100, `${refused} refused, ${accepted} accepted`);
});
