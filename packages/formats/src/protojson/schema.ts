/**
 * What protojson needs to know of a message: its fields by JSON (lowerCamel) name. The proto name is derived
 * (`rawBytes` → `raw_bytes`) unless it is given: services whose proto fields are themselves camelCase give it.
 */
export type ProtoSchema = { readonly [jsonName: string]: ProtoField };

interface FieldBase {
  readonly protoName?: string;
  /** full name of the oneof this field belongs to, e.g. `dev.sigstore.rekor.v2.CreateEntryRequest.spec` */
  readonly oneof?: string;
  readonly repeated?: boolean;
}

export interface ScalarField extends FieldBase {
  readonly kind: 'string' | 'bytes' | 'bool' | 'int32' | 'int64' | 'uint32' | 'uint64';
}

export interface EnumField extends FieldBase {
  readonly kind: 'enum';
  /** names are case-sensitive; any number of 32 bits is accepted, listed or not */
  readonly values: { readonly [name: string]: number };
}

export interface MessageField extends FieldBase {
  readonly kind: 'message';
  readonly message: ProtoSchema;
}

export type ProtoField = ScalarField | EnumField | MessageField;

type ScalarOf<F extends ProtoField> = F extends { kind: 'message'; message: infer M extends ProtoSchema }
  ? ProtoMessage<M>
  : F['kind'] extends 'string'
    ? string
    : F['kind'] extends 'bytes'
      ? Uint8Array
      : F['kind'] extends 'bool'
        ? boolean
        : F['kind'] extends 'int64' | 'uint64'
          ? bigint
          : number;

/** The decoded shape: what was absent or null is absent; a field sent with its default value is present. */
export type ProtoMessage<S extends ProtoSchema> = {
  -readonly [K in keyof S]?: S[K] extends { repeated: true } ? ScalarOf<S[K]>[] : ScalarOf<S[K]>;
};

/** The name in the .proto file. */
export function protoNameOf(jsonName: string, field: ProtoField): string {
  return field.protoName ?? jsonName.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const tables = new WeakMap<ProtoSchema, Map<string, string>>();

/** JSON names and proto names of a schema, both leading to the JSON name. Made once a schema. */
export function fieldNames(schema: ProtoSchema): Map<string, string> {
  let table = tables.get(schema);
  if (table === undefined) {
    table = new Map();
    for (const [jsonName, field] of Object.entries(schema)) table.set(protoNameOf(jsonName, field), jsonName);
    for (const jsonName of Object.keys(schema)) table.set(jsonName, jsonName);
    tables.set(schema, table);
  }
  return table;
}
