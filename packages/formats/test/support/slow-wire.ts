import type { WireField, WireSchema } from '../../src/index.ts';

/** A decoder that is slow and plain: all elements first, by copies and big integers, then what they mean. Throws Error. */
export function slowDecode(schema: WireSchema, bytes: readonly number[]): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const element of elements(bytes)) {
    const found = Object.entries(schema).find(([, { number }]) => number === element.number);
    if (found === undefined) continue;
    const [name, field] = found;
    const values = valuesOf(field, element, result[name]);
    if (values === undefined) continue;
    if (field.repeated === true) result[name] = [...((result[name] as unknown[] | undefined) ?? []), ...values];
    else {
      for (const [other, { oneof }] of Object.entries(schema)) {
        if (oneof !== undefined && oneof === field.oneof && other !== name) delete result[other];
      }
      result[name] = values[0];
    }
  }
  return result;
}

interface Element {
  readonly number: number;
  readonly type: number;
  readonly varint?: bigint;
  readonly bytes?: readonly number[];
}

function valuesOf(field: WireField, { type, varint, bytes }: Element, before: unknown): unknown[] | undefined {
  const isNumber = !['string', 'bytes', 'message'].includes(field.kind);
  if (isNumber && type === 0) return [numberOf(field, varint ?? 0n)];
  if (type !== 2 || bytes === undefined) return undefined;
  if (isNumber) return field.repeated === true ? varints(bytes).map((value) => numberOf(field, value)) : undefined;
  if (field.kind === 'bytes') return [Uint8Array.from(bytes)];
  if (field.kind === 'string')
    return [new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes))];
  if (field.kind !== 'message') return undefined;
  // A message in pieces means the same as its pieces one after another.
  const pieces = field.repeated === true ? undefined : (before as { pieces?: number[] } | undefined)?.pieces;
  const all = [...(pieces ?? []), ...bytes];
  return [Object.defineProperty(slowDecode(field.message, all), 'pieces', { value: all, enumerable: false })];
}

function numberOf(field: WireField, value: bigint): unknown {
  switch (field.kind) {
    case 'bool':
      return value !== 0n;
    case 'int64':
      return BigInt.asIntN(64, value);
    case 'uint64':
      return value;
    case 'uint32':
      return Number(BigInt.asUintN(32, value));
    default:
      return Number(BigInt.asIntN(32, value));
  }
}

function elements(bytes: readonly number[]): Element[] {
  const found: Element[] = [];
  const open: number[] = [];
  let rest = [...bytes];
  const varint = (): bigint => {
    const [value, after] = oneVarint(rest);
    rest = after;
    return value;
  };
  const take = (count: number): number[] => {
    if (count > rest.length) throw new Error('truncated');
    const taken = rest.slice(0, count);
    rest = rest.slice(count);
    return taken;
  };
  while (rest.length > 0) {
    const tag = varint();
    const number = Number(tag >> 3n);
    if (number < 1 || number > 536_870_911) throw new Error('number');
    const type = Number(tag & 7n);
    let element: Element = { number, type };
    if (type === 0) element = { ...element, varint: varint() };
    else if (type === 1) take(8);
    else if (type === 2) element = { ...element, bytes: take(Number(varint())) };
    else if (type === 3) open.push(number);
    else if (type === 4) {
      if (open.pop() !== number) throw new Error('group');
    } else if (type === 5) take(4);
    else throw new Error('type');
    if (open.length === 0 && type !== 4) found.push(element);
  }
  if (open.length > 0) throw new Error('open group');
  return found;
}

function varints(bytes: readonly number[]): bigint[] {
  const found: bigint[] = [];
  for (let rest = [...bytes]; rest.length > 0; ) {
    const [value, after] = oneVarint(rest);
    found.push(value);
    rest = after;
  }
  return found;
}

function oneVarint(bytes: readonly number[]): [bigint, number[]] {
  const last = bytes.findIndex((byte) => byte < 0x80);
  if (last < 0 || last > 9) throw new Error('varint');
  const value = bytes.slice(0, last + 1).reduceRight((sum, byte) => sum * 128n + BigInt(byte & 0x7f), 0n);
  if (value >= 2n ** 64n) throw new Error('varint');
  return [value, bytes.slice(last + 1)];
}
