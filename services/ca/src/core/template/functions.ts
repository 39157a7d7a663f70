import { goQuote } from '../go/go-quote.ts';

/** What an expression can be: claims are text, the rest comes from constants and functions. */
export type TemplateValue = string | number | boolean | ReadonlyMap<string, string>;

/** The cause inside a call; the evaluator adds the place. */
export class CallError extends Error {}

type TemplateFunction = (args: readonly TemplateValue[]) => TemplateValue;

/** Empty text, zero, false and the empty map are false. SPEC: text/template, "if". */
export function isTrue(value: TemplateValue): boolean {
  return value instanceof Map ? value.size > 0 : Boolean(value);
}

/** How a value is printed into the output. */
export function printValue(value: TemplateValue): string {
  if (typeof value === 'object') {
    const keys = [...value.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return `map[${keys.map((key) => `${key}:${value.get(key) ?? ''}`).join(' ')}]`;
  }
  return String(value);
}

/** `and` and `or` stop at the deciding argument, so the evaluator does them; they stand here to be known. */
const LAZY = new Set(['and', 'or']);

const FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['not', ([value]) => !isTrue(required(value))],
  ['eq', ([first, ...rest]) => atLeastOne(rest).some((other) => order(required(first), other, 'eq') === 0)],
  ['ne', ([first, second]) => order(required(first), required(second), 'ne') !== 0],
  ['lt', ([first, second]) => order(required(first), required(second), 'lt') < 0],
  ['le', ([first, second]) => order(required(first), required(second), 'le') <= 0],
  ['gt', ([first, second]) => order(required(first), required(second), 'gt') > 0],
  ['ge', ([first, second]) => order(required(first), required(second), 'ge') >= 0],
  ['len', ([value]) => length(required(value))],
  ['index', ([item, ...keys]) => keys.reduce(indexOne, required(item))],
  ['print', (args) => args.map(printValue).join('')],
  ['println', (args) => `${args.map(printValue).join(' ')}\n`],
  ['printf', ([format, ...args]) => printf(required(format), args)],
]);

export function isFunction(name: string): boolean {
  return LAZY.has(name) || FUNCTIONS.has(name);
}

/** Calls a function other than `and` and `or`. Throws CallError. */
export function callFunction(name: string, args: readonly TemplateValue[]): TemplateValue {
  const call = FUNCTIONS.get(name);
  if (call === undefined) throw new CallError(`function "${name}" not defined`);
  return call(args);
}

function required(value: TemplateValue | undefined): TemplateValue {
  if (value === undefined) throw new CallError('missing argument');
  return value;
}

function atLeastOne(values: readonly TemplateValue[]): readonly TemplateValue[] {
  if (values.length === 0) throw new CallError('missing argument for comparison');
  return values;
}

function order(first: TemplateValue, second: TemplateValue, name: string): number {
  if (typeof first === 'object' || typeof second === 'object')
    throw new CallError('non-comparable type map[string]string');
  if (typeof first !== typeof second) throw new CallError('incompatible types for comparison');
  if (typeof first === 'boolean' && name !== 'eq' && name !== 'ne') throw new CallError('invalid type for comparison');
  if (typeof first === 'string' && typeof second === 'string')
    return Buffer.compare(Buffer.from(first), Buffer.from(second));
  return Number(first) - Number(second);
}

/** Text counts its UTF-8 bytes. */
function length(value: TemplateValue): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value === 'object') return value.size;
  throw new CallError(`len of type ${typeof value === 'number' ? 'int' : 'bool'}`);
}

/** A key that is not in the map gives empty text, silently: that is how upstream's mappings use it. */
function indexOne(item: TemplateValue, key: TemplateValue): TemplateValue {
  if (typeof item === 'object') {
    if (typeof key !== 'string') throw new CallError('value has type int; should be string');
    return item.get(key) ?? '';
  }
  if (typeof item !== 'string' || typeof key !== 'number')
    throw new CallError(`can't index item of type ${typeof item}`);
  const byte = Buffer.from(item)[key];
  if (byte === undefined) throw new CallError(`index out of range: ${key}`);
  return byte;
}

function printf(format: TemplateValue, args: readonly TemplateValue[]): string {
  if (typeof format !== 'string') throw new CallError('wrong type for value; expected string');
  let next = 0;
  const text = format.replaceAll(/%(.)?/gsu, (_all, verb?: string) => {
    if (verb === '%') return '%';
    const value = args[next];
    next += 1;
    if (value === undefined) throw new CallError(`too few arguments for format ${goQuote(format)}`);
    return formatOne(verb ?? '', value);
  });
  if (next !== args.length) throw new CallError(`too many arguments for format ${goQuote(format)}`);
  return text;
}

function formatOne(verb: string, value: TemplateValue): string {
  if (verb === 'v') return printValue(value);
  if (verb === 's' && typeof value === 'string') return value;
  if (verb === 'q' && typeof value === 'string') return goQuote(value);
  if (verb === 'x' && typeof value === 'string') return Buffer.from(value).toString('hex');
  if (verb === 'd' && typeof value === 'number') return String(value);
  if (verb === 't' && typeof value === 'boolean') return String(value);
  throw new CallError(`format %${verb} does not fit its argument`);
}
