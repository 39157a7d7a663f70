import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oneLine } from '../src/failure.ts';

test('a text of others is one line that neither moves the cursor nor turns what stands beside it', () => {
  assert.equal(oneLine('a\u001b[2Jb\r\nc\u2028d\u0000'), 'a [2Jb c d');
  assert.equal(oneLine('moc.elpmaxe@\u202Ealice\u202C \u2066x\u2069'), 'moc.elpmaxe@ alice   x');
  assert.equal(oneLine('\u05d0\u05d1 äé \u{1F600}'), '\u05d0\u05d1 äé \u{1F600}');
});
