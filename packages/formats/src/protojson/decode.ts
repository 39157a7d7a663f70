import { decodeBase64Proto } from '../base64.ts';
import { FormatError } from '../errors.ts';
import { type ParsedJson, type ParseJsonOptions, parseJson } from '../json/parse.ts';
import { type JsonMember, type JsonValue, positionOf } from '../json/value.ts';
import { readInteger } from './integer.ts';
import { fieldNames, type ProtoField, type ProtoMessage, type ProtoSchema } from './schema.ts';

export interface DecodeProtoOptions {
  /**
   * `reject`: an unknown field or enum name is an error. `ignore`: both are as if absent (DiscardUnknown upstream), and
   * unknown fields may then repeat.
   */
  readonly unknown: 'reject' | 'ignore';
}

/** What the gateway's own decoder allows; the parser does not recurse, so depth costs memory only. */
const GATEWAY_DEPTH = 10_000;

/** Longest piece of input that an error text repeats. */
const MAX_QUOTED = 200;

/** An enum name that the schema does not know, where unknown things are ignored. */
const DISCARDED = Symbol('discarded');

/**
 * Reads a parsed JSON text as a message. SPEC: protobuf JSON mapping, in the reading of Go's protojson: either name of a
 * field, `null` is absent, a known field twice or a oneof twice is an error. Throws `protojson` with Go's text.
 */
export function decodeProto<const S extends ProtoSchema>(
  schema: S,
  parsed: ParsedJson,
  options: DecodeProtoOptions,
): ProtoMessage<S> {
  return new Decoder(parsed.source, options.unknown === 'ignore').message(schema, parsed.value) as ProtoMessage<S>;
}

/**
 * A request body as the upstream HTTP gateway reads it: an empty body is an empty message, the first JSON value counts
 * and what follows is ignored. `maxDepth` is 10000 unless given. Throws `json_*` (with Go's encoding/json text) or `protojson`.
 */
export function decodeGatewayBody<const S extends ProtoSchema>(
  schema: S,
  body: string | Uint8Array,
  options: DecodeProtoOptions & Pick<ParseJsonOptions, 'maxDepth' | 'maxNodes'>,
): ProtoMessage<S> {
  const { unknown, ...limits } = options;
  try {
    return decodeProto(schema, parseJson(body, { maxDepth: GATEWAY_DEPTH, ...limits }), { unknown });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    if (error.code === 'json_empty') return {};
    if (error.code !== 'json_unicode') throw error;
    const source = typeof body === 'string' ? Buffer.from(body) : body;
    throw new FormatError('protojson', `proto: ${place('syntax error ', source, error.offset ?? 0)}: ${error.message}`);
  }
}

function place(prefix: string, source: Uint8Array, offset: number): string {
  const { line, column } = positionOf(source, offset);
  return `${prefix}(line ${line}:${column})`;
}

class Decoder {
  readonly #source: Uint8Array;
  readonly #ignoreUnknown: boolean;

  constructor(source: Uint8Array, ignoreUnknown: boolean) {
    this.#source = source;
    this.#ignoreUnknown = ignoreUnknown;
  }

  message(schema: ProtoSchema, value: JsonValue): Record<string, unknown> {
    if (value.kind !== 'object') throw this.#unexpected(value);
    const names = fieldNames(schema);
    const seen = new Set<string>();
    const oneofs = new Set<string>();
    const result: Record<string, unknown> = {};
    for (const member of value.members) {
      const jsonName = names.get(member.name);
      const field = jsonName === undefined ? undefined : schema[jsonName];
      if (jsonName === undefined || field === undefined) {
        if (this.#ignoreUnknown) continue;
        throw this.#error(member.nameAt, `unknown field ${this.#rawName(member)}`);
      }
      if (seen.has(jsonName)) throw this.#error(member.nameAt, `duplicate field ${this.#rawName(member)}`);
      seen.add(jsonName);
      if (member.value.kind === 'null') continue;
      this.#claimOneof(field, member, oneofs);
      const decoded = field.repeated
        ? this.#list(jsonName, field, member.value)
        : this.#one(jsonName, field, member.value);
      if (decoded !== DISCARDED) result[jsonName] = decoded;
    }
    return result;
  }

  #claimOneof(field: ProtoField, member: JsonMember, claimed: Set<string>): void {
    if (field.oneof === undefined) return;
    if (claimed.has(field.oneof)) {
      const text = `error parsing ${this.#rawName(member)}, oneof ${field.oneof} is already set`;
      throw this.#error(member.nameAt, text);
    }
    claimed.add(field.oneof);
  }

  #list(jsonName: string, field: ProtoField, value: JsonValue): unknown[] {
    if (value.kind !== 'array') throw this.#unexpected(value);
    return value.items.map((item) => this.#one(jsonName, field, item)).filter((item) => item !== DISCARDED);
  }

  #one(jsonName: string, field: ProtoField, value: JsonValue): unknown {
    if (field.kind === 'message') return this.message(field.message, value);
    const decoded = this.#scalar(field, value);
    if (decoded !== undefined) return decoded;
    throw this.#error(value.at, `invalid value for ${field.kind} field ${jsonName}: ${this.#raw(value)}`);
  }

  #scalar(field: ProtoField, value: JsonValue): unknown {
    switch (field.kind) {
      case 'string':
        return value.kind === 'string' ? value.value : undefined;
      case 'bytes':
        return value.kind === 'string' ? decodeBase64Proto(value.value) : undefined;
      case 'bool':
        return value.kind === 'bool' ? value.value : undefined;
      case 'enum':
        return this.#enum(field.values, value);
      case 'int64':
      case 'uint64':
        return readInteger(value, field.kind, true);
      case 'int32':
      case 'uint32':
        return numberOrNone(readInteger(value, field.kind, true));
      case 'message':
        return undefined;
    }
  }

  #enum(values: { readonly [name: string]: number }, value: JsonValue): unknown {
    if (value.kind !== 'string') return numberOrNone(readInteger(value, 'int32', false));
    if (Object.hasOwn(values, value.value)) return values[value.value];
    return this.#ignoreUnknown ? DISCARDED : undefined;
  }

  #rawName(member: JsonMember): string {
    return this.#slice(member.nameAt, member.nameEnd);
  }

  #raw(value: JsonValue): string {
    const isContainer = value.kind === 'object' || value.kind === 'array';
    return this.#slice(value.at, isContainer ? value.at + 1 : value.end);
  }

  #slice(from: number, to: number): string {
    const text = Buffer.from(this.#source.subarray(from, Math.min(to, from + 4 * MAX_QUOTED))).toString('utf8');
    return to - from > MAX_QUOTED && text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
  }

  #error(offset: number, text: string): FormatError {
    return new FormatError('protojson', `proto: ${place('', this.#source, offset)}: ${text}`, { offset });
  }

  #unexpected(value: JsonValue): FormatError {
    const where = place('syntax error ', this.#source, value.at);
    return new FormatError('protojson', `proto: ${where}: unexpected token ${this.#raw(value)}`, { offset: value.at });
  }
}

function numberOrNone(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
