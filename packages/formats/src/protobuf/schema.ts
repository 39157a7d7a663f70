import { type EnumField, type MessageField, protoNameOf, type ScalarField } from '../protojson/schema.ts';

/** A message as it is on the wire: a ProtoSchema in which every field has its number. Serves protojson as well. */
export type WireSchema = { readonly [jsonName: string]: WireField };

export type WireField =
  | ((ScalarField | EnumField) & { readonly number: number })
  | (MessageField & { readonly number: number; readonly message: WireSchema });

/** SPEC: protobuf encoding, "Message Structure". Types 3 and 4 begin and end a group. */
export const WireType = { Varint: 0, Fixed64: 1, Bytes: 2, StartGroup: 3, EndGroup: 4, Fixed32: 5 } as const;

/** SPEC: protobuf language guide, "Assigning Field Numbers". */
export const MAX_FIELD_NUMBER = 2 ** 29 - 1;

export interface NamedField {
  readonly name: string;
  readonly protoName: string;
  readonly field: WireField;
}

const tables = new WeakMap<WireSchema, ReadonlyMap<number, NamedField>>();

/** Fields by number, in the order of their numbers. Made once a schema. Throws TypeError when two have the same. */
export function fieldsByNumber(schema: WireSchema): ReadonlyMap<number, NamedField> {
  let table = tables.get(schema);
  if (table === undefined) {
    const sorted = Object.entries(schema).sort(([, a], [, b]) => a.number - b.number);
    table = new Map(
      sorted.map(([name, field]) => [field.number, { name, protoName: protoNameOf(name, field), field }]),
    );
    if (table.size !== sorted.length) throw new TypeError('two fields of a message have the same number');
    tables.set(schema, table);
  }
  return table;
}

/** Whether values of the field are varints. */
export function isVarint({ kind }: WireField): boolean {
  return kind !== 'string' && kind !== 'bytes' && kind !== 'message';
}
