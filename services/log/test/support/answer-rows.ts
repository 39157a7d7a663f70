import assert from 'node:assert/strict';
import { type ClientRequest, request } from 'node:http';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { silentLogger } from '@sigstead/platform';
import pg from 'pg';
import { fsckDatabase } from '../../src/index.ts';
import { hashedRekord, newKey } from './entries.ts';
import type { ShownRow } from './fault-table.ts';
import { type RawResponse, send } from './raw-http.ts';
import { startServer, type TestServer } from './server.ts';
import { until } from './server-faults.ts';

/** The answer does not reach its caller. */
export interface AnswerRow extends ShownRow {
  /** When: while its entry waits for its batch, or once a batch has taken it. */
  taken: boolean;
  how: 'cut' | 'deadline';
}

const STORED = 'stored: 201 with its index when asked again';
const NOT_STORED = 'not stored: 201 when asked again';

export const ANSWER_ROWS: readonly AnswerRow[] = (['cut', 'deadline'] as const).flatMap((how) =>
  [false, true].map((taken) => ({
    step: 'answer',
    fault: `${how === 'cut' ? 'caller gone' : "the caller's time is over"} ${taken ? 'after' : 'before'} its entry was taken`,
    done: taken,
    told: `${how === 'cut' ? 'nothing' : '504'}, ${taken ? STORED : NOT_STORED}`,
    reconnects: false,
    taken,
    how,
  })),
);

const ENTRIES = '/api/v2/log/entries';
const key = newKey();
const bodyOf = (message: string): Buffer => Buffer.from(JSON.stringify(hashedRekord(key, message)));
/** Signed once: another signature would be another entry. */
const VICTIM = bodyOf('victim');

/** Runs one row on a server of its own. */
export async function answerRow(row: AnswerRow): Promise<void> {
  const signer = signerFromPem(generatePrivateKeyPem('ed25519'));
  const server = await startServer({
    logs: [{ name: 'v2', origin: 'log.example.com', kind: 'rekor-v2', signer, create: true }],
  });
  const rival = new pg.Client({ connectionString: server.database.connectionString });
  try {
    await rival.connect();
    await strike(row, server, rival);
    const [report] = await fsckDatabase({ connectionString: server.database.connectionString, logger: silentLogger });
    assert.deepEqual(report?.problems, []);
    assert.equal(report?.outcome, 'ok');
  } finally {
    await rival.end();
    await server.close();
  }
}

async function strike(row: AnswerRow, server: TestServer, rival: pg.Client): Promise<void> {
  const post = (body: Buffer): Promise<RawResponse> => send(server.port, { method: 'POST', path: ENTRIES, body });
  assert.equal((await post(bodyOf('warm'))).status, 201);
  await rival.query('begin; select log_id from log.locks for update');
  // The first batch waits for the lock; what comes now waits for the next one.
  const first = row.taken ? undefined : post(bodyOf('first'));
  if (first !== undefined) await locked(rival);
  const victim = submit(server.port, row);
  if (row.taken) await locked(rival);
  else await until(() => Promise.resolve(queued(server) === 1 || undefined));
  if (row.how === 'cut') victim.sent.destroy();
  assert.equal(await victim.status, row.how === 'cut' ? undefined : 504);
  if (!row.taken) await until(() => Promise.resolve(queued(server) === 0 || undefined));
  await rival.query('rollback');
  if (first !== undefined) assert.equal((await first).status, 201);
  const again = await post(VICTIM);
  assert.equal(again.status, 201, again.body.toString());
  // Stored: the index it had got already. Else it is new, after the two that were.
  assert.equal((JSON.parse(again.body.toString()) as { logIndex: string }).logIndex, row.taken ? '1' : '2');
  assert.equal((await post(bodyOf('goes on'))).status, 201);
  assert.equal(server.handle.stats()[0]?.size, row.taken ? 3 : 4);
}

const queued = (server: TestServer): number | undefined => server.handle.stats()[0]?.queued;

function submit(port: number, { how }: AnswerRow): { sent: ClientRequest; status: Promise<number | undefined> } {
  const headers = how === 'deadline' ? { 'grpc-timeout': '400m' } : {};
  const sent = request({ host: '127.0.0.1', port, method: 'POST', path: ENTRIES, headers, agent: false });
  const status = new Promise<number | undefined>((resolve) => {
    sent.on('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on('error', () => resolve(undefined));
  });
  sent.end(VICTIM);
  return { sent, status };
}

/** Until a session of the server waits for the lock that the rival has. */
async function locked(rival: pg.Client): Promise<void> {
  const text = `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  await until(async () => {
    // Within the rival's transaction that view stays what it was.
    await rival.query('select pg_stat_clear_snapshot()');
    return (await rival.query<{ pid: number }>(text)).rows[0]?.pid;
  });
}
