import type { ProtoMessage } from '../protojson/schema.ts';
import { fieldsByNumber, isVarint, type WireField, type WireSchema, WireType } from './schema.ts';

/**
 * Writes a message in the binary format: fields in the order of their numbers, repeated numbers packed, no scalar that has
 * its default value unless it is in a oneof. SPEC: protobuf encoding; language guide, "Field Presence"
 */
export function encodeWire<const S extends WireSchema>(schema: S, message: ProtoMessage<S>): Buffer {
  const parts: Uint8Array[] = [];
  writeMessage(schema, message, parts);
  return Buffer.concat(parts);
}

function writeMessage(schema: WireSchema, message: Readonly<Record<string, unknown>>, parts: Uint8Array[]): void {
  for (const { name, field } of fieldsByNumber(schema).values()) {
    const value = message[name];
    if (value === undefined) continue;
    if (field.repeated !== true) {
      if (field.oneof !== undefined || !isDefault(value)) writeField(field, value, parts);
      continue;
    }
    const list = value as readonly unknown[];
    if (!isVarint(field)) for (const item of list) writeField(field, item, parts);
    else if (list.length > 0) writeDelimited(field, Buffer.concat(list.map((item) => varintOf(item))), parts);
  }
}

/** Of a scalar: messages are there or not. */
function isDefault(value: unknown): boolean {
  if (value instanceof Uint8Array) return value.length === 0;
  return value === 0 || value === 0n || value === '' || value === false;
}

function writeField(field: WireField, value: unknown, parts: Uint8Array[]): void {
  if (field.kind === 'message') {
    const inner: Uint8Array[] = [];
    writeMessage(field.message, value as Record<string, unknown>, inner);
    writeDelimited(field, Buffer.concat(inner), parts);
  } else if (field.kind === 'bytes') writeDelimited(field, value as Uint8Array, parts);
  else if (field.kind === 'string') writeDelimited(field, Buffer.from(value as string), parts);
  else parts.push(varint(field.number * 8 + WireType.Varint), varintOf(value));
}

function writeDelimited(field: WireField, bytes: Uint8Array, parts: Uint8Array[]): void {
  parts.push(varint(field.number * 8 + WireType.Bytes), varint(bytes.length), bytes);
}

/** Negative numbers are written as 64 bits, of whatever type they are. */
function varintOf(value: unknown): Uint8Array {
  if (typeof value === 'boolean') return varint(Number(value));
  if (typeof value === 'number' && value >= 0) return varint(value);
  let rest = BigInt.asUintN(64, BigInt(value as number | bigint));
  const bytes: number[] = [];
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Uint8Array.from([...bytes, Number(rest)]);
}

/** Of a number from 0 to 2^53 - 1. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 0x80);
  return Uint8Array.from([...bytes, rest]);
}
