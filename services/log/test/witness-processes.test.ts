import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  database,
  readAnswer,
  readNote,
  until,
  type WitnessedServer,
  witnessedProcess,
  witnessedServer,
  witnesses,
} from './support/witnessed-log.ts';

const CLOSED = { mode: 'fail-closed' } as const;

test('F66: over three processes each witness is asked one question at a time, about the newest alone, and checkpoints never go back', async (t) => {
  const known = await witnesses(t, 'w1', 'w2');
  const shared = { witnesses: known, quorum: ['group all2 all w1 w2', 'quorum all2'], database: await database(t) };
  const servers: WitnessedServer[] = [];
  for (let i = 0; i < 3; i++) servers.push(await witnessedServer(t, { ...shared, witness: CLOSED }));
  let isDone = false;
  let shown = -1;
  const watching = (async () => {
    for (let i = 0; !isDone; i++) {
      const { body, status } = await servers[i % 3]!.get('/checkpoint');
      assert.equal(status, 200);
      const note = readNote(body, known);
      assert.ok(note.size >= shown, `${note.size} after ${shown}`);
      assert.deepEqual(note.by, ['w1', 'w2']);
      shown = note.size;
    }
  })();
  const answers = await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      await new Promise((resolve) => setTimeout(resolve, i * 10));
      return readAnswer(await servers[i % 3]!.post(`message ${i}`), known);
    }),
  );
  isDone = true;
  await watching;
  assert.deepEqual(
    answers.map(({ index }) => index).toSorted((a, b) => a - b),
    Array.from({ length: 60 }, (_, i) => i),
  );
  for (const w of known) {
    assert.ok(w.asked.every(({ atOnce }) => atOnce === 1));
    const sizes = w.asked.map(({ checkpoint }) => checkpoint.size);
    assert.deepEqual(
      sizes,
      [...sizes].sort((a, b) => a - b),
    );
    assert.ok(sizes.length < 60, 'what was overtaken was asked about too');
  }
  const active = await Promise.all(servers.map((each) => each.metric('sigstead_log_witness_active', { log: 'v2' })));
  assert.equal(active.filter((each) => each === 1).length, 1);
  assert.deepEqual((await servers[0]!.handle.fsck('v2')).problems, []);
});

for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
  test(`F67: when the process that asks gets ${signal}, another goes on from what the witnesses know, and nothing goes back when it wakes`, async (t) => {
    const known = await witnesses(t, 'w');
    const shared = { witnesses: known, quorum: 'quorum w', database: await database(t) };
    const first = await witnessedProcess(t, shared);
    assert.equal(readAnswer(await first.post('one'), known).size, 1);
    const second = await witnessedServer(t, { ...shared, witness: CLOSED });
    assert.equal(readAnswer(await second.post('two'), known).size, 2);
    // It dies in the middle of a question whose answer it never reads.
    const asked = known[0]!.asked.length;
    known[0]!.behave = (question) => {
      first.kill(signal);
      return known[0]!.honest(question);
    };
    const waiting = second.post('three');
    await known[0]!.untilAsked(asked + 1);
    known[0]!.behave = () => 'honest';
    assert.equal(readAnswer(await waiting, known).size, 3);
    assert.equal(await second.metric('sigstead_log_witness_active', { log: 'v2' }), 1);
    const { body } = await second.get('/checkpoint');
    if (signal === 'SIGSTOP') {
      first.kill('SIGCONT');
      await until(async () => {
        const woken = await first.get('/checkpoint').catch(() => undefined);
        return woken?.status === 200 && readNote(woken.body, known).size === 3;
      });
      assert.equal(readAnswer(await first.post('four'), known).size, 4);
    }
    assert.ok(readNote((await second.get('/checkpoint')).body, known).size >= readNote(body, known).size);
    assert.deepEqual((await second.handle.fsck('v2')).problems, []);
  });
}

test('F66: a database that goes away in the middle of a round shows nothing new; when it is back the round is made again', async (t) => {
  const known = await witnesses(t, 'w');
  const made = await database(t);
  const server = await witnessedServer(t, { witnesses: known, quorum: 'quorum w', database: made, witness: CLOSED });
  readAnswer(await server.post('one'), known);
  const pool = made.pool();
  let cut = 0;
  known[0]!.behave = async (question) => {
    if (cut >= 3) return 'honest';
    cut += 1;
    // Every session ends between the cosignature and the publication.
    await pool.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    return known[0]!.honest(question);
  };
  const answer = await server.post('two');
  const settled = answer.status === 201 ? answer : await server.post('two');
  assert.equal(readAnswer(settled, known).size, 2);
  assert.ok(cut >= 1);
  const { rows } = await pool.query<{ size: string; ordinal: number; quorum: boolean }>(
    'select size, ordinal, quorum from log.publications order by created_ms, size, ordinal',
  );
  assert.ok(rows.every(({ quorum }) => quorum));
  assert.deepEqual((await server.handle.fsck('v2')).problems, []);
});
