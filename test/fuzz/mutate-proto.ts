import { mutateBytes } from '../e2e/fuzz/mutate-bytes.ts';
import type { Random } from '../e2e/fuzz/random.ts';

/** SPEC: protocol buffers encoding: 0 varint, 1 eight bytes, 2 length and bytes, 3 and 4 groups, 5 four bytes. */
interface Field {
  readonly number: number;
  readonly type: number;
  /** As on the wire; of type 2 without its length. */
  readonly value: Buffer;
}

const LENGTH_DELIMITED = 2;
const MOST_ADDED_BYTES = 16 * 1024;
const NUMBERS = [0, 1, 2, 3, 15, 16, 2047, 19_000, 536_870_911];
const VARINTS = [
  '00',
  '01',
  '7f',
  '8000',
  '8001',
  'ffffffff0f',
  'ffffffffffffffffff01',
  'ffffffffffffffffff02',
  'ffffffffffffffffffff01',
  '80',
];

/** One to three fields changed, at any depth; undefined when the input is no message. */
export function mutateProto(message: Uint8Array, random: Random): Buffer | undefined {
  let bytes: Buffer | undefined = Buffer.from(message);
  for (let times = 1 + random.below(3); times > 0 && bytes !== undefined; times--) bytes = changed(bytes, random, 0);
  return bytes;
}

function changed(message: Buffer, random: Random, depth: number): Buffer | undefined {
  const fields = readFields(message);
  if (fields === undefined || fields.length === 0) return depth === 0 ? undefined : mutateBytes(message, random);
  const at = random.below(fields.length);
  const field = fields[at] as Field;
  if (field.type === LENGTH_DELIMITED && depth < 8 && random.chance(0.7)) {
    const inner = changed(field.value, random, depth + 1) ?? Buffer.alloc(0);
    return write(fields.with(at, { ...field, value: inner }));
  }
  return changedFields(fields, at, random);
}

function changedFields(fields: readonly Field[], at: number, random: Random): Buffer {
  const field = fields[at] as Field;
  const varint = (): Buffer => Buffer.from(random.pick(VARINTS), 'hex');
  return random.pick([
    () => write(fields.toSpliced(at, 1)),
    () => write(fields.toSpliced(at, 0, field)),
    () => write(fields.toReversed()),
    () => write(fields.with(at, { ...field, number: random.pick(NUMBERS) })),
    () => write(fields.with(at, { ...field, type: random.below(8) })),
    () => write(fields.with(at, { ...field, value: mutateBytes(field.value, random) })),
    () => write(fields.with(at, { ...field, value: Buffer.alloc(0) })),
    () => write(fields.with(at, nested(field, 1 + random.below(timesOf(field, 120))))),
    () => write(fields.toSpliced(at, 0, { number: random.pick(NUMBERS), type: 0, value: varint() })),
    () => Buffer.concat([write(fields.slice(0, at)), tag(field), varint(), field.value, write(fields.slice(at + 1))]),
    () => write(Array.from({ length: 1 + random.below(timesOf(field, 300)) }, () => field)),
  ])();
}

/** What is long is repeated less: the input is to be hostile, not large. */
function timesOf({ value }: Field, most: number): number {
  return Math.max(2, Math.min(most, Math.floor(MOST_ADDED_BYTES / (value.length + 1))));
}

function nested(field: Field, levels: number): Field {
  let inner = field;
  for (let level = 0; level < levels; level++)
    inner = { number: field.number, type: LENGTH_DELIMITED, value: write([inner]) };
  return inner;
}

function readFields(bytes: Buffer): Field[] | undefined {
  const fields: Field[] = [];
  let at = 0;
  while (at < bytes.length) {
    const key = varintAt(bytes, at);
    if (key === undefined) return undefined;
    const [number, type] = [Math.floor(key.value / 8), key.value % 8];
    const span = spanOf(bytes, key.end, type);
    if (number === 0 || span === undefined || span.end > bytes.length) return undefined;
    fields.push({ number, type, value: bytes.subarray(span.start, span.end) });
    at = span.end;
  }
  return fields;
}

function spanOf(bytes: Buffer, at: number, type: number): { start: number; end: number } | undefined {
  if (type === 1) return { start: at, end: at + 8 };
  if (type === 5) return { start: at, end: at + 4 };
  const varint = varintAt(bytes, at);
  if (varint === undefined) return undefined;
  if (type === 0) return { start: at, end: varint.end };
  return type === LENGTH_DELIMITED ? { start: varint.end, end: varint.end + varint.value } : undefined;
}

function varintAt(bytes: Buffer, start: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let at = start; at < Math.min(bytes.length, start + 5); at++) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * (at - start));
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return undefined;
}

function varintOf(value: number): Buffer {
  const octets: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    octets.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...octets, rest]);
}

function tag({ number, type }: Field): Buffer {
  return varintOf(number * 8 + type);
}

function write(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap((field) => [
      tag(field),
      field.type === LENGTH_DELIMITED ? varintOf(field.value.length) : Buffer.alloc(0),
      field.value,
    ]),
  );
}
