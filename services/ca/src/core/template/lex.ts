import { TemplateSyntaxError } from './ast.ts';

/** Literal text, or the inside of one action with the byte offset where that inside begins. */
export type Piece = { kind: 'text'; text: string } | { kind: 'action'; source: string; at: number };

const MAX_CHARS = 4096;
const SPACE = /[ \t\r\n]/;

/**
 * Splits a template at its `{{ … }}` actions; comments vanish, `{{- ` and ` -}}` take the white space beside them.
 * Offsets count bytes, since the evaluator's errors name them. Throws TemplateSyntaxError.
 */
export function lexTemplate(template: string): Piece[] {
  if (template.length > MAX_CHARS) throw new TemplateSyntaxError(`template over ${MAX_CHARS} characters`);
  const pieces: Piece[] = [];
  let pos = 0;
  let trimNext = false;
  for (;;) {
    const open = template.indexOf('{{', pos);
    let text = open < 0 ? template.slice(pos) : template.slice(pos, open);
    if (trimNext) text = text.replace(/^[ \t\r\n]+/, '');
    if (open < 0) {
      if (text !== '') pieces.push({ kind: 'text', text });
      return pieces;
    }
    const action = readAction(template, open);
    if (action.trimBefore) text = text.replace(/[ \t\r\n]+$/, '');
    if (text !== '') pieces.push({ kind: 'text', text });
    if (!action.isComment) {
      const at = Buffer.byteLength(template.slice(0, action.from));
      pieces.push({ kind: 'action', source: template.slice(action.from, action.to), at });
    }
    trimNext = action.trimAfter;
    pos = action.end;
  }
}

interface ActionSpan {
  from: number;
  to: number;
  end: number;
  trimBefore: boolean;
  trimAfter: boolean;
  isComment: boolean;
}

function readAction(template: string, open: number): ActionSpan {
  let from = open + 2;
  const trimBefore = template[from] === '-' && SPACE.test(template[from + 1] ?? '');
  if (trimBefore) from += 2;
  const isComment = template.startsWith('/*', from);
  const close = isComment ? commentEnd(template, from) : actionEnd(template, from);
  const trimAfter = template[close - 1] === '-' && SPACE.test(template[close - 2] ?? '');
  return { from, to: trimAfter ? close - 2 : close, end: close + 2, trimBefore, trimAfter, isComment };
}

function commentEnd(template: string, from: number): number {
  const end = template.indexOf('*/', from + 2);
  const rest = end < 0 ? null : /^(?:[ \t\r\n]-)?\}\}/.exec(template.slice(end + 2));
  if (rest === null) throw new TemplateSyntaxError('unclosed comment, or a comment that does not fill its action');
  return end + 2 + rest[0].length - 2;
}

/** Offset of the closing braces; those inside a quoted string do not count. */
function actionEnd(template: string, from: number): number {
  for (let pos = from; pos < template.length; pos += 1) {
    if (template.startsWith('}}', pos)) return pos;
    const quote = template[pos];
    if (quote === '"' || quote === '`') pos = stringEnd(template, pos) - 1;
  }
  throw new TemplateSyntaxError('unclosed action');
}

/** Offset after the string literal whose opening quote stands at `open`. */
export function stringEnd(source: string, open: number): number {
  const quote = source[open];
  for (let pos = open + 1; pos < source.length; pos += 1) {
    if (source[pos] === quote) return pos + 1;
    if (source[pos] === '\n' && quote === '"') break;
    if (source[pos] === '\\' && quote === '"') pos += 1;
  }
  throw new TemplateSyntaxError('unterminated quoted string');
}
