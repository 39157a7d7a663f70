import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TemplateExecError, TemplateSyntaxError } from '../src/core/template/ast.ts';
import { Template } from '../src/core/template/template.ts';
import { SHIPPED_PROVIDERS } from '../src/core/providers.ts';
import { ciProviderRule } from '../src/core/identity/ci-provider.ts';

const DATA = new Map([
  ['a', 'x'],
  ['empty', ''],
  ['ns/claim-a', 'slash'],
  ['ü', 'umlaut'],
]);
const run = (source: string): string => new Template(source).execute(DATA);

const GIVES: [string, string][] = [
  ['plain', 'plain'],
  ['{{ .a }}-{{.a}}', 'x-x'],
  ['{{index . "ns/claim-a"}}', 'slash'],
  ['{{ index . "absent" }}', ''],
  ['{{ .ü }}', 'umlaut'],
  ['{{if eq .a "x"}}yes{{else}}no{{end}}', 'yes'],
  ['{{if eq .a "p" "q" "x"}}yes{{end}}', 'yes'],
  ['{{if ne .a "x"}}yes{{else if .empty}}empty{{else}}last{{end}}', 'last'],
  ['{{with .a}}<{{.}}>{{else}}none{{end}}', '<x>'],
  ['{{with .empty}}<{{.}}>{{else}}none{{end}}', 'none'],
  ['  {{- .a -}}  z', 'xz'],
  ['{{/* a comment */}}c{{- /* trims */ -}}  d', 'cd'],
  ['{{ .a | printf "%q" }}', '"x"'],
  ['{{ printf "%s=%v%%" .a (len .a) }}', 'x=1%'],
  ['{{ len .ü }}', '6'],
  ['{{ not .empty }}', 'true'],
  ['{{ and .a .empty }}|{{ or .empty .a }}', '|x'],
  ['{{ and (eq .a "x") (not .empty) }}', 'true'],
  ['{{ lt "a" "b" }}{{ ge 2 1 }}', 'truetrue'],
  ['{{ `raw "string"` }}', 'raw "string"'],
  ['{{ "tab\\tquote\\"" }}', 'tab\tquote"'],
  ['{{"}}"}}', '}}'],
];

for (const [source, expected] of GIVES) test(`${source} gives ${expected}`, () => assert.equal(run(source), expected));

const FAILS: [string, string][] = [
  ['{{ .b }}', 'template: :1:3: executing "" at <.b>: map has no entry for key "b"'],
  ['ü{{ .b }}', 'template: :1:5: executing "" at <.b>: map has no entry for key "b"'],
  ['x\n{{ .b }}', 'template: :2:3: executing "" at <.b>: map has no entry for key "b"'],
  ['{{ .a.b }}', 'template: :1:3: executing "" at <.a.b>: can\'t evaluate field b in type string'],
  ['{{ eq .a 1 }}', 'template: :1:3: executing "" at <eq .a 1>: error calling eq: incompatible types for comparison'],
  [
    '{{ .a_name_longer_than_20 }}',
    'template: :1:3: executing "" at <.a_name_longer_than_...>: map has no entry for key "a_name_longer_than_20"',
  ],
];

for (const [source, message] of FAILS) {
  test(`${JSON.stringify(source)} fails like Go's`, () => {
    assert.throws(
      () => run(source),
      (error: unknown) => error instanceof TemplateExecError && error.message === message,
    );
  });
}

const REFUSED = [
  '{{ .a',
  '{{ }}',
  '{{ if .a }}x',
  '{{ end }}',
  '{{ else }}',
  '{{ range . }}{{end}}',
  '{{ $x := .a }}',
  '{{ call .a }}',
  '{{ html .a }}',
  '{{ "unterminated }}',
  '{{ .a .a }}',
  '{{ .a | .a }}',
  '{{ (.a }}',
  '{{/* open }}',
  '{{ template "x" }}',
  `{{ ${'('.repeat(40)}.a${')'.repeat(40)} }}`,
  `${'{{if .a}}'.repeat(40)}${'{{end}}'.repeat(40)}`,
  'x'.repeat(5000),
];

for (const source of REFUSED) {
  test(`refused when it is read: ${source.slice(0, 40)}`, () =>
    assert.throws(() => new Template(source), TemplateSyntaxError));
}

test('claims are text, never templates: braces in a value come out as they are', () => {
  assert.equal(new Template('{{ .a }}').execute(new Map([['a', '{{ .b }}']])), '{{ .b }}');
});

test('names that objects have by birth are no claims', () => {
  for (const name of ['constructor', '__proto__', 'toString']) {
    assert.throws(() => run(`{{ .${name} }}`), TemplateExecError);
    assert.equal(run(`{{ index . "${name}" }}`), '');
  }
});

test('every shipped mapping parses', () => {
  for (const settings of Object.values(SHIPPED_PROVIDERS)) assert.equal(ciProviderRule(settings).type, 'ci-provider');
});

test('any text is a template, or is refused as one; evaluation gives text or a template error', () => {
  const piece = fc.constantFrom(
    '{{',
    '}}',
    '{{-',
    '-}}',
    ' ',
    '.a',
    '.',
    '"',
    '`',
    '(',
    ')',
    '|',
    'if ',
    'else',
    'end',
    'with ',
    'index . ',
    'eq ',
    'printf ',
    '"%q"',
    '/*',
    '*/',
    '12',
    'ü',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 25 }).map((parts) => parts.join('')),
      ),
      (source) => {
        try {
          assert.equal(typeof run(source), 'string');
        } catch (error) {
          assert.ok(error instanceof TemplateSyntaxError || error instanceof TemplateExecError, String(error));
        }
      },
    ),
    { numRuns: 5000 },
  );
});

test('output is bounded', () => {
  const big = new Map([['a', 'x'.repeat(16_000)]]);
  assert.throws(() => new Template('{{.a}}'.repeat(10)).execute(big), /output too long/);
});
