import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAnswer, readNote, witnessedServer, witnesses } from './support/witnessed-log.ts';

test('F66: every answer and checkpoint carries the quorum, the log first, then the witnesses in the order of the policy', async (t) => {
  const known = await witnesses(t, 'w1', 'w2', 'w3');
  const server = await witnessedServer(t, { witnesses: known, quorum: ['group all3 all w3 w1 w2', 'quorum all3'] });
  for (let size = 1; size <= 3; size++) {
    const answer = readAnswer(await server.post(`message ${size}`), known);
    assert.deepEqual([answer.size, answer.index, answer.by], [size, size - 1, ['w1', 'w2', 'w3']]);
    assert.deepEqual(answer.lines, ['log.example.com', 'w1.example/w', 'w2.example/w', 'w3.example/w']);
    for (const path of ['/checkpoint', '/api/v2/checkpoint']) {
      const { body, status } = await server.get(path);
      assert.equal(status, 200);
      assert.deepEqual(readNote(body, known), { ...readNote(body, known), size, by: ['w1', 'w2', 'w3'] });
    }
  }
  const report = await server.handle.fsck('v2');
  assert.deepEqual([report.problems, report.size, report.complete], [[], 3, true]);
});
