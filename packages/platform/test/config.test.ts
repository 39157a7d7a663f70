import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { c, ConfigError, parseConfig, type Infer } from '@sigstead/platform';

const schema = c.object(
  {
    name: c.string({ pattern: /^[a-z]+$/, expected: 'lower-case letters' }),
    port: c.withDefault(c.integer({ min: 0, max: 65535 }), 8080),
    mode: c.withDefault(c.oneOf('dev', 'prod'), 'dev'),
    url: c.optional(c.url()),
    logs: c.withDefault(
      c.list(c.object({ origin: c.string(), frozen: c.withDefault(c.boolean(), false) }), { max: 2 }),
      [],
    ),
    issuers: c.optional(c.map(c.object({ type: c.oneOf('email', 'uri') }))),
  },
  (value, at) => {
    if (value.mode === 'prod' && value.url === undefined) at.fail('mode prod needs url');
  },
);

function problems(text: string): string[] {
  try {
    parseConfig(text, schema);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.problems.length, error.message.split('\n').length);
    return error.message.split('\n');
  }
  return [];
}

test('a good text gives typed values and defaults', () => {
  const value: Infer<typeof schema> = parseConfig(
    'name: abc\nurl: https://x.example/a\nlogs:\n  - origin: a.example\nissuers:\n  "https://i.example/a.b": {type: uri}\n',
    schema,
  );
  assert.deepEqual(value, {
    name: 'abc',
    port: 8080,
    mode: 'dev',
    url: 'https://x.example/a',
    logs: [{ origin: 'a.example', frozen: false }],
    issuers: new Map([['https://i.example/a.b', { type: 'uri' }]]),
  });
});

test('every problem is told at once, each with path and line', () => {
  const text = 'name: ABC\nport: 70000\nlogs:\n  - origin: x\n    frozn: true\n  - {}\nextra: 1\n';
  assert.deepEqual(problems(text), [
    'extra (line 7): unknown key; known here: issuers, logs, mode, name, port, url',
    'name (line 1): must be lower-case letters',
    'port (line 2): must be a whole number from 0 to 65535',
    'logs[0].frozn (line 5): unknown key; known here: frozen, origin',
    'logs[1].origin: missing (a text)',
  ]);
});

for (const [what, text, pattern] of [
  ['an empty text', '', /name: missing|empty/],
  ['a key twice', 'name: a\nname: b\n', /unique/i],
  ['two documents', 'name: a\n---\nname: b\n', /more than one/],
  ['an alias', 'name: &n a\nurl: *n\n', /anchors|aliases/],
  ['a merge', 'x: &x {name: a}\n<<: *x\n', /anchors|aliases/],
  ['a tag', 'name: !!binary aGk=\n', /tags/],
  ['a custom tag', 'name: !x a\n', /tags|tag/i],
  ['a key that is no text', 'name: a\n1: b\n', /a key must be a text/],
  ['__proto__', 'name: a\n__proto__: {port: 1}\n', /__proto__/],
  ['constructor', 'name: a\nconstructor: {}\n', /constructor.*unknown key/],
  ['a list at the top', '- a\n', /section/],
  ['broken YAML', 'name: [a\n', /.+/],
  ['a tab as indent', 'logs:\n\t- origin: a\n', /.+/],
  ['a text as number', 'name: a\nport: "80"\n', /port.*whole number/],
  ['a fraction', 'name: a\nport: 1.5\n', /port.*whole number/],
  ['yes for true', 'name: a\nlogs: [{origin: x, frozen: yes}]\n', /frozen.*true or false/],
  ['an empty text value', 'name: ""\n', /name/],
  ['a URL with a password', 'name: a\nurl: https://u:p@x.example\n', /url.*URL/],
  ['a URL of another scheme', 'name: a\nurl: file:///etc/passwd\n', /url.*URL/],
  ['too many entries', 'name: a\nlogs: [{origin: a}, {origin: b}, {origin: c}]\n', /logs.*0 to 2/],
  ['an impossible combination', 'name: a\nmode: prod\n', /needs url/],
  ['a huge text', `name: a\n#${'x'.repeat(2 ** 20)}`, /1 MiB/],
  ['deep nesting', `name: ${'['.repeat(500)}${']'.repeat(500)}`, /.+/],
] as const) {
  test(`refused: ${what}`, () => {
    const found = problems(text);
    assert.notDeepEqual(found, []);
    assert.match(found.join('\n'), pattern);
  });
}

test('a combination is not judged when its parts are already wrong', () => {
  assert.deepEqual(problems('name: a\nmode: prod\nurl: 5\n'), ['url (line 3): must be a URL (http or https)']);
});

test('no text throws anything but a ConfigError', () => {
  const piece = fc.constantFrom(
    'name',
    ': ',
    '\n',
    '- ',
    '[',
    ']',
    '{',
    '}',
    '&a',
    '*a',
    '!!x',
    '"',
    "'",
    '|',
    '>',
    '#',
    '? ',
    '\t',
    '  ',
    '%',
    '0x1',
    '~',
    '---',
    '\0',
    'é',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      problems(pieces.join(''));
    }),
    { numRuns: 2000 },
  );
});
