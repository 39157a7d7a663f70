import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { findListItem } from '../src/config/insert.ts';

const NEW = ['name: new', 'x: {y: 1}'];

function inserted(text: string, index: number): string {
  return findListItem(text, 'logs', index)?.insertBelow(NEW) ?? assert.fail('no place was found');
}

test('a new item stands below the one it was asked for, and everything else stays as it was, comments too', () => {
  const cases: [text: string, index: number, result: string][] = [
    [
      'logs:\n  - name: a\n  - name: b\nz: 1\n',
      0,
      'logs:\n  - name: a\n  - name: new\n    x: {y: 1}\n  - name: b\nz: 1\n',
    ],
    [
      'logs:\n  - name: a\n  - name: b # last\nz: 1\n',
      1,
      'logs:\n  - name: a\n  - name: b # last\n  - name: new\n    x: {y: 1}\nz: 1\n',
    ],
    ['logs:\n- {name: a} # one\n- {name: b}', 1, 'logs:\n- {name: a} # one\n- {name: b}\n- name: new\n  x: {y: 1}\n'],
    ['logs:\n- {name: a} # one\n- {name: b}', 0, 'logs:\n- {name: a} # one\n- name: new\n  x: {y: 1}\n- {name: b}'],
    [
      '# top\nlogs: # list\n  - # first\n    name: a\n    deep:\n      er: |\n        text\n        - no item\nz: 1\n',
      0,
      '# top\nlogs: # list\n  - # first\n    name: a\n    deep:\n      er: |\n        text\n        - no item\n  - name: new\n    x: {y: 1}\nz: 1\n',
    ],
    [
      'a: [1]\nlogs:\n    -   name: a\n\n# of z\nz: 1\n',
      0,
      'a: [1]\nlogs:\n    -   name: a\n    - name: new\n      x: {y: 1}\n\n# of z\nz: 1\n',
    ],
  ];
  for (const [text, index, result] of cases) assert.equal(inserted(text, index), result);
});

test('what an item holds is given as it is written', () => {
  assert.deepEqual(findListItem('logs:\n  - {name: a, on: off, n: 1}\n', 'logs', 0)?.value, {
    name: 'a',
    on: 'off',
    n: 1,
  });
});

test('where lines cannot simply be added no place is found', () => {
  for (const [text, index] of [
    ['logs: [{name: a}]\n', 0],
    ['logs:\n  - name: a\n', 1],
    ['logs:\n  - name: a\n', -1],
    ['logs:\n  - text\n', 0],
    ['logs: {name: a}\n', 0],
    ['other:\n  - name: a\n', 0],
    ['- name: a\n', 0],
    ['', 0],
  ] as const) {
    assert.equal(findListItem(text, 'logs', index), undefined, text);
  }
});

test('the result is the same document with one item more, whatever stands around', () => {
  const scalar = fc.constantFrom(
    '1',
    'text',
    '"a: b"',
    "'- c'",
    '{k: [1, 2]}',
    '[a, {b: c}]',
    '|\n      x\n      - y',
    '>-\n      folded\n\n      text',
  );
  const comment = fc.constantFrom('', ' # c', ' # - d: e');
  const noise = fc.constantFrom('', '\n', '# comment\n', '    # - name: none\n', '  # deep\n\n');
  const item = fc.tuple(scalar, comment, scalar, noise).map(([a, c, b, n]) => {
    const end = a.includes('\n') ? '' : c;
    return `  - p: ${a}${end}\n    q: ${b}\n${n}`;
  });
  fc.assert(
    fc.property(fc.array(item, { minLength: 1, maxLength: 5 }), fc.nat(), noise, (items, at, tail) => {
      const text = `first: 1\nlogs:\n${items.join('')}${tail}last: {z: 1}\n`;
      const index = at % items.length;
      const before = parse(text) as { logs: unknown[] };
      const expected = before.logs.toSpliced(index + 1, 0, { name: 'new', x: { y: 1 } });
      assert.deepEqual(parse(inserted(text, index)), { ...before, logs: expected });
    }),
    { numRuns: 500 },
  );
});
