import { type Expression, TemplateSyntaxError } from './ast.ts';
import { isFunction } from './functions.ts';
import { stringEnd } from './lex.ts';

const MAX_DEPTH = 16;
const WORD = /^(?:\.[\p{L}_][\p{L}\p{N}_]*)+|^\.|^[\p{L}_][\p{L}\p{N}_]*|^[+-]?\d+/u;

/** Parses one pipeline, `source` beginning at byte offset `at` of the template. Throws TemplateSyntaxError. */
export function parsePipeline(source: string, at: number): Expression {
  const reader = new ExpressionReader(source, at);
  const result = reader.pipeline(0);
  reader.end();
  return result;
}

class ExpressionReader {
  readonly #source: string;
  readonly #at: number;
  #pos = 0;

  constructor(source: string, at: number) {
    this.#source = source;
    this.#at = at;
  }

  pipeline(depth: number): Expression {
    if (depth > MAX_DEPTH) throw new TemplateSyntaxError('expression nested too deeply');
    const stages = [this.#command(depth)];
    while (this.#take('|')) {
      const stage = this.#command(depth);
      if (stage.kind !== 'call') throw new TemplateSyntaxError(`non executable command in pipeline: ${stage.text}`);
      stages.push(stage);
    }
    const [first] = stages;
    if (first !== undefined && stages.length === 1) return first;
    const text = stages.map((stage) => stage.text).join(' | ');
    return { kind: 'pipe', at: first?.at ?? this.#at, text, stages };
  }

  end(): void {
    this.#skipSpace();
    if (this.#pos < this.#source.length) {
      throw new TemplateSyntaxError(`unexpected ${JSON.stringify(this.#source.slice(this.#pos, this.#pos + 20))}`);
    }
  }

  #command(depth: number): Expression {
    const operands: Expression[] = [];
    for (let next = this.#operand(depth); next !== undefined; next = this.#operand(depth)) {
      operands.push(next);
      if (!this.#spaceOrEnd()) throw new TemplateSyntaxError('operands must stand apart');
    }
    const [first, ...args] = operands;
    if (first === undefined) throw new TemplateSyntaxError('missing value for command');
    const text = operands.map((operand) => operand.text).join(' ');
    if (first.kind === 'call' && first.args.length === 0) return { ...first, args, text };
    if (args.length > 0) throw new TemplateSyntaxError(`can't give argument to non-function ${first.text}`);
    return first;
  }

  #operand(depth: number): Expression | undefined {
    this.#skipSpace();
    const start = this.#pos;
    const at = this.#at + Buffer.byteLength(this.#source.slice(0, start));
    const char = this.#source[start];
    if (char === undefined || char === '|' || char === ')') return undefined;
    if (char === '(') return this.#group(depth);
    if (char === '"' || char === '`') return this.#string(start, at);
    const text = WORD.exec(this.#source.slice(start))?.[0];
    if (text === undefined) throw new TemplateSyntaxError(`${JSON.stringify(char)} is not supported in an action`);
    this.#pos += text.length;
    return word(text, at);
  }

  #group(depth: number): Expression {
    this.#pos += 1;
    const inner = this.pipeline(depth + 1);
    if (!this.#take(')')) throw new TemplateSyntaxError('unclosed left paren');
    if (this.#source[this.#pos] === '.') throw new TemplateSyntaxError('a field of a parenthesis is not supported');
    return { kind: 'pipe', at: inner.at, text: `(${inner.text})`, stages: [inner] };
  }

  #string(start: number, at: number): Expression {
    this.#pos = stringEnd(this.#source, start);
    const text = this.#source.slice(start, this.#pos);
    return { kind: 'constant', at, text, value: unquote(text) };
  }

  #take(char: string): boolean {
    this.#skipSpace();
    if (this.#source[this.#pos] !== char) return false;
    this.#pos += 1;
    return true;
  }

  #skipSpace(): void {
    while (/[ \t\r\n]/.test(this.#source[this.#pos] ?? '')) this.#pos += 1;
  }

  #spaceOrEnd(): boolean {
    return /^(?:$|[ \t\r\n|)])/.test(this.#source.slice(this.#pos, this.#pos + 1));
  }
}

function word(text: string, at: number): Expression {
  if (text === '.') return { kind: 'dot', at, text };
  if (text.startsWith('.')) return { kind: 'field', at, text, names: text.slice(1).split('.') };
  if (/^[+-]?\d/.test(text)) {
    const value = Number(text);
    if (!Number.isSafeInteger(value)) throw new TemplateSyntaxError(`number too large: ${text}`);
    return { kind: 'constant', at, text, value };
  }
  if (text === 'true' || text === 'false') return { kind: 'constant', at, text, value: text === 'true' };
  if (!isFunction(text)) throw new TemplateSyntaxError(`function ${JSON.stringify(text)} not defined`);
  return { kind: 'call', at, text, name: text, args: [] };
}

function unquote(literal: string): string {
  if (literal.startsWith('`')) return literal.slice(1, -1);
  return literal.slice(1, -1).replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gsu, (all: string, hex?: string, char?: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    const plain = { n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\' }[char ?? ''];
    if (plain === undefined) throw new TemplateSyntaxError(`unsupported escape ${all} in a quoted string`);
    return plain;
  });
}
