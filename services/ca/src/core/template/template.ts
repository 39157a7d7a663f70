import { type Expression, type Node, TemplateExecError, TemplateSyntaxError } from './ast.ts';
import { parsePipeline } from './expression.ts';
import { CallError, callFunction, isTrue, printValue, type TemplateValue } from './functions.ts';
import { lexTemplate, type Piece } from './lex.ts';

/**
 * The part of Go's text/template that identity mappings use, over a map of texts: fields, `index`, `if`/`else`/`with`,
 * comparisons, `and`/`or`/`not`, `len`, `printf`, pipelines, comments, trim markers. No loops and no variables, so an
 * evaluation is bounded by the template. An absent field is an error (missingkey=error).
 *
 * SPEC: text/template, Actions, Pipelines, Functions.
 */
export class Template {
  readonly #nodes: readonly Node[];
  readonly #source: string;

  /** Throws TemplateSyntaxError for what does not parse or is not supported. */
  constructor(source: string) {
    this.#source = source;
    this.#nodes = new NodeReader(lexTemplate(source)).readAll();
  }

  /** Throws TemplateExecError with the text Go gives. */
  execute(data: ReadonlyMap<string, string>): string {
    return new Evaluator(this.#source).run(this.#nodes, data);
  }
}

const MAX_NESTING = 16;
const MAX_OUTPUT_CHARS = 64 * 1024;

class NodeReader {
  readonly #pieces: readonly Piece[];
  #next = 0;

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  readAll(): readonly Node[] {
    const { nodes, stop } = this.#list(0);
    if (stop !== undefined) throw new TemplateSyntaxError(`unexpected {{${stop.word}}}`);
    return nodes;
  }

  /** Nodes up to the action that ends them, which is given back. */
  #list(depth: number): { nodes: Node[]; stop?: { word: string; rest: string; at: number } } {
    if (depth > MAX_NESTING) throw new TemplateSyntaxError('actions nested too deeply');
    const nodes: Node[] = [];
    for (;;) {
      const piece = this.#pieces[this.#next];
      this.#next += 1;
      if (piece === undefined) return { nodes };
      if (piece.kind === 'text') {
        nodes.push(piece);
        continue;
      }
      const { word, rest, at } = keyword(piece);
      if (word === 'end' || word === 'else') return { nodes, stop: { word, rest, at } };
      if (word === 'if' || word === 'with') nodes.push(this.#branch(word, rest, at, depth));
      else nodes.push({ kind: 'value', value: parsePipeline(piece.source, piece.at) });
    }
  }

  #branch(kind: 'if' | 'with', source: string, at: number, depth: number): Node {
    const condition = parsePipeline(source, at);
    const body = this.#list(depth + 1);
    if (body.stop === undefined) throw new TemplateSyntaxError('unexpected EOF');
    if (body.stop.word === 'end') {
      if (body.stop.rest.trim() !== '') throw new TemplateSyntaxError('unexpected text in end');
      return { kind, condition, body: body.nodes, otherwise: [] };
    }
    const chained = keyword({ source: body.stop.rest, at: body.stop.at });
    if (chained.word === 'if') {
      const nested = this.#branch('if', chained.rest, chained.at, depth + 1);
      return { kind, condition, body: body.nodes, otherwise: [nested] };
    }
    if (body.stop.rest.trim() !== '') throw new TemplateSyntaxError('unexpected text in else');
    const otherwise = this.#list(depth + 1);
    if (otherwise.stop?.word !== 'end') throw new TemplateSyntaxError('expected end');
    return { kind, condition, body: body.nodes, otherwise: otherwise.nodes };
  }
}

const UNSUPPORTED = new Set(['range', 'define', 'template', 'block', 'break', 'continue', 'nil']);

function keyword(piece: { source: string; at: number }): { word: string; rest: string; at: number } {
  const match = /^\s*([a-z]*)/.exec(piece.source);
  const head = match?.[0] ?? '';
  const word = match?.[1] ?? '';
  if (UNSUPPORTED.has(word)) throw new TemplateSyntaxError(`{{${word}}} is not supported`);
  return { word, rest: piece.source.slice(head.length), at: piece.at + Buffer.byteLength(head) };
}

class Evaluator {
  readonly #source: string;
  #room = MAX_OUTPUT_CHARS;

  constructor(source: string) {
    this.#source = source;
  }

  run(nodes: readonly Node[], dot: TemplateValue): string {
    let out = '';
    for (const node of nodes) out += this.#one(node, dot);
    return out;
  }

  #one(node: Node, dot: TemplateValue): string {
    switch (node.kind) {
      case 'text':
        return this.#emit(node.text);
      case 'value':
        return this.#emit(printValue(this.#value(node.value, dot)));
      case 'if':
      case 'with': {
        const value = this.#value(node.condition, dot);
        if (!isTrue(value)) return this.run(node.otherwise, dot);
        return this.run(node.body, node.kind === 'with' ? value : dot);
      }
    }
  }

  #emit(text: string): string {
    this.#room -= text.length;
    if (this.#room < 0) throw new TemplateExecError('template output too long');
    return text;
  }

  #value(expression: Expression, dot: TemplateValue): TemplateValue {
    switch (expression.kind) {
      case 'dot':
        return dot;
      case 'constant':
        return expression.value;
      case 'field':
        return expression.names.reduce<TemplateValue>((item, name) => this.#field(expression, item, name), dot);
      case 'call':
        return this.#call(expression, dot, []);
      case 'pipe':
        return this.#pipe(expression.stages, dot);
    }
  }

  #pipe(stages: readonly Expression[], dot: TemplateValue): TemplateValue {
    let last: TemplateValue[] = [];
    for (const stage of stages) last = [stage.kind === 'call' ? this.#call(stage, dot, last) : this.#value(stage, dot)];
    return last[0] ?? '';
  }

  /** The result of the stage before is the last argument. */
  #call(call: Extract<Expression, { kind: 'call' }>, dot: TemplateValue, piped: TemplateValue[]): TemplateValue {
    if (call.name === 'and' || call.name === 'or') return this.#logic(call, dot, piped);
    const args = [...call.args.map((arg) => this.#value(arg, dot)), ...piped];
    try {
      return callFunction(call.name, args);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      throw this.#error(call, `error calling ${call.name}: ${error.message}`);
    }
  }

  #logic(call: Extract<Expression, { kind: 'call' }>, dot: TemplateValue, piped: TemplateValue[]): TemplateValue {
    let result: TemplateValue | undefined;
    for (const arg of [...call.args, ...piped]) {
      result = typeof arg === 'object' && 'kind' in arg ? this.#value(arg, dot) : arg;
      if (isTrue(result) === (call.name === 'or')) return result;
    }
    if (result === undefined) throw this.#error(call, `wrong number of args for ${call.name}: want at least 1 got 0`);
    return result;
  }

  #field(expression: Expression, item: TemplateValue, name: string): TemplateValue {
    if (typeof item !== 'object') {
      const type = { string: 'string', number: 'int', boolean: 'bool' }[typeof item as 'string' | 'number' | 'boolean'];
      throw this.#error(expression, `can't evaluate field ${name} in type ${type}`);
    }
    const value = item.get(name);
    if (value === undefined) throw this.#error(expression, `map has no entry for key "${name}"`);
    return value;
  }

  /** Line from 1, column from 0 in bytes, as Go counts them. */
  #error(expression: Expression, cause: string): TemplateExecError {
    const before = Buffer.from(this.#source).subarray(0, expression.at).toString('utf8');
    const line = before.split('\n').length;
    const column =
      expression.at -
      (before.lastIndexOf('\n') < 0 ? 0 : Buffer.byteLength(before.slice(0, before.lastIndexOf('\n') + 1)));
    const shown = Array.from(expression.text);
    const context = shown.length > 20 ? `${shown.slice(0, 20).join('')}...` : expression.text;
    return new TemplateExecError(`template: :${line}:${column}: executing "" at <${context}>: ${cause}`);
  }
}
