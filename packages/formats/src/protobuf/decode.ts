import { FormatError } from '../errors.ts';
import type { ProtoMessage } from '../protojson/schema.ts';
import { type Tag, WireReader } from './reader.ts';
import { fieldsByNumber, isVarint, type NamedField, type WireField, type WireSchema, WireType } from './schema.ts';

export interface WireLimits {
  /** Longer input is refused unread. */
  readonly maxBytes: number;
  /** Fields in all messages together, unknown ones too. */
  readonly maxFields: number;
}

type Values = Record<string, unknown>;

/**
 * Reads a message of the binary format as Go's protobuf does: unknown fields, and known ones with another wire type, are
 * passed over; the last of several values counts, of a oneof too; a message that comes in pieces is put together; repeated
 * numbers may be packed or not. Bytes in the answer are parts of the input. Depth is that of the schema.
 * Throws `protobuf`, with Go's text unless a limit was passed. SPEC: protobuf encoding
 */
export function decodeWire<const S extends WireSchema>(
  schema: S,
  bytes: Uint8Array,
  limits: WireLimits,
): ProtoMessage<S> {
  if (bytes.length > limits.maxBytes) throw new FormatError('protobuf', `proto: longer than ${limits.maxBytes} bytes`);
  const message: Values = {};
  readMessage(schema, message, new WireReader(bytes, limits.maxFields), bytes.length);
  return message as ProtoMessage<S>;
}

function readMessage(schema: WireSchema, into: Values, reader: WireReader, end: number): void {
  const fields = fieldsByNumber(schema);
  while (reader.at < end) {
    const tag = reader.tag(end);
    const known = fields.get(tag.number);
    if (known === undefined || !fits(known.field, tag)) reader.skip(tag, end);
    else
      readField(schema, into, known, { reader, end, isPacked: isVarint(known.field) && tag.type === WireType.Bytes });
  }
}

function fits(field: WireField, { type }: Tag): boolean {
  if (type === WireType.Bytes) return !isVarint(field) || field.repeated === true;
  return type === WireType.Varint && isVarint(field);
}

interface Place {
  readonly reader: WireReader;
  readonly end: number;
  readonly isPacked: boolean;
}

function readField(schema: WireSchema, into: Values, { name, field }: NamedField, place: Place): void {
  const { reader, end } = place;
  if (field.repeated === true) {
    const list = (into[name] ??= []) as unknown[];
    if (!place.isPacked) return void list.push(readValue(field, undefined, reader, end));
    const to = reader.delimited(end);
    while (reader.at < to) list.push(readValue(field, undefined, reader, to));
    return;
  }
  if (field.oneof !== undefined && into[name] === undefined) leaveOnly(name, field.oneof, schema, into);
  into[name] = readValue(field, into[name], reader, end);
}

function leaveOnly(name: string, oneof: string, schema: WireSchema, values: Values): void {
  for (const [other, field] of Object.entries(schema)) {
    if (other !== name && field.oneof === oneof) delete values[other];
  }
}

function readValue(field: WireField, before: unknown, reader: WireReader, end: number): unknown {
  switch (field.kind) {
    case 'string':
      return reader.string(end);
    case 'bytes':
      return reader.bytes(end);
    case 'bool':
      return reader.bool(end);
    case 'int32':
    case 'enum':
      return reader.int32(end);
    case 'uint32':
      return reader.uint32(end);
    case 'int64':
      return BigInt.asIntN(64, reader.uint64(end));
    case 'uint64':
      return reader.uint64(end);
    case 'message': {
      const message = (before ?? {}) as Values;
      readMessage(field.message, message, reader, reader.delimited(end));
      return message;
    }
  }
}
