import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { RECORDED_EXCEPTIONS } from './recorded-exceptions.ts';
import { type Answer, type Running, runTsa, VECTORS } from './support.ts';
import { describeToken } from './token-decoder.ts';

interface Line {
  name: string;
  server: 'tsa' | 'tsa2';
  request: {
    method: string;
    path: string;
    headers: [string, string][];
    body?: string;
    bodyBase64?: string;
    bodyGenerator?: { parts?: [string, number][]; base64Parts?: [string, number][] };
  };
  compare: string;
  response: {
    status: number;
    headers: Record<string, string>;
    body?: unknown;
    bodyText?: string;
    bodyBase64?: string;
    decoded?: { tstInfo: Record<string, unknown> };
  };
}

const lines = readFileSync(new URL('tsa.jsonl', VECTORS), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Line);

/** What differs between connections, not between servers. */
const DROPPED = new Set(['date', 'content-length', 'transfer-encoding', 'connection', 'keep-alive']);

function requestBody({ body, bodyBase64, bodyGenerator }: Line['request']): Buffer | undefined {
  if (bodyGenerator?.parts) return Buffer.from(bodyGenerator.parts.map(([text, times]) => text.repeat(times)).join(''));
  if (bodyGenerator?.base64Parts) {
    const parts = bodyGenerator.base64Parts.map(([text, times]) => {
      const once = Buffer.from(text, 'base64');
      return Buffer.alloc(once.length * times, once);
    });
    return Buffer.concat(parts);
  }
  if (bodyBase64 !== undefined) return Buffer.from(bodyBase64, 'base64');
  return body === undefined ? undefined : Buffer.from(body, 'utf8');
}

function recordedBody({ body, bodyText, bodyBase64 }: Line['response']): string {
  if (bodyText !== undefined) return bodyText;
  if (bodyBase64 !== undefined) return Buffer.from(bodyBase64, 'base64').toString('utf8');
  return typeof body === 'string' ? body : JSON.stringify(body);
}

/** Throws where the answer differs from the recorded one. */
function compare(line: Line, answer: Answer): void {
  assert.equal(answer.status, line.response.status, 'status');
  if (line.compare === 'status-only') return;
  const headers = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !DROPPED.has(name)));
  assert.deepEqual(headers, line.response.headers, 'headers');
  switch (line.compare) {
    case 'exact':
      assert.equal(answer.body.toString('utf8'), recordedBody(line.response));
      return;
    case 'json':
      assert.deepEqual(JSON.parse(answer.body.toString('utf8')), JSON.parse(recordedBody(line.response)));
      return;
    case 'decoded': {
      const token = describeToken(answer.body);
      const tstInfo = token['tstInfo'] as Record<string, unknown>;
      const length = Number(tstInfo['serialNumberLength']);
      assert.ok(length > 0 && length <= 20, 'serial of at most 20 octets');
      tstInfo['serialNumberLength'] = line.response.decoded?.tstInfo['serialNumberLength'];
      assert.deepEqual(token, line.response.decoded);
      return;
    }
    default:
      assert.fail(`unknown comparison ${line.compare}`);
  }
}

const servers: Partial<Record<Line['server'], Running>> = {};

before(async () => {
  servers.tsa = await runTsa();
  servers.tsa2 = await runTsa({
    includeChain: true,
    allowCustomExtensions: true,
    useHttp201: true,
    defaultPolicy: '1.2.3.4',
    acceptedPolicies: ['1.2.3.4', '1.2.3.5'],
  });
});

after(async () => {
  await servers.tsa?.[Symbol.asyncDispose]();
  await servers.tsa2?.[Symbol.asyncDispose]();
});

async function replay(line: Line): Promise<string | undefined> {
  const { method, path, headers } = line.request;
  const body = requestBody(line.request);
  const answer = await servers[line.server]?.send({ method, path, headers, ...(body ? { body } : {}) });
  try {
    assert.ok(answer);
    assert.ok(answer.status < 500, 'no client fault may give a server error');
    compare(line, answer);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test('recorded answers: every line is alike or stands in the list of exceptions with its reason', async (t) => {
  const counts = { alike: 0, later: 0, departure: 0 };
  const wrong: string[] = [];
  for (const line of lines) {
    const difference = await replay(line);
    const exception = RECORDED_EXCEPTIONS[line.name];
    if (exception && difference === undefined) wrong.push(`${line.name}: listed as ${exception.kind}, but alike`);
    else if (!exception && difference !== undefined) wrong.push(`${line.name}: ${difference}`);
    counts[difference === undefined ? 'alike' : (exception?.kind ?? 'departure')] += 1;
  }
  const names = new Set(lines.map((line) => line.name));
  for (const name of Object.keys(RECORDED_EXCEPTIONS)) {
    if (!names.has(name)) wrong.push(`${name}: listed, but there is no such line`);
  }
  const { alike, later, departure } = counts;
  t.diagnostic(`tsa: ${lines.length} lines, ${alike} alike, ${later} later, ${departure} departures`);
  assert.deepEqual(wrong, []);
  assert.equal(alike + later + departure, lines.length);
});

test('recorded answers: the corpus was really there', () => {
  assert.equal(lines.length, 200);
  assert.equal(new Set(lines.map((line) => line.name)).size, lines.length);
});
