import type { ProtoMessage } from '../protojson/schema.ts';
import { FIELD_TYPES, FILE_DESCRIPTOR, Label } from './descriptor-schema.ts';
import { encodeWire } from './encode.ts';
import { fieldsByNumber, type NamedField, type WireSchema } from './schema.ts';

/** A .proto file by what is in it. */
export interface FileSpec {
  /** As other files import it. */
  readonly name: string;
  readonly package: string;
  readonly dependencies?: readonly string[];
  /** By name within the package; `Outer.Inner` is nested. Each schema is one message: two with the same fields are two objects. */
  readonly messages?: Readonly<Record<string, WireSchema>>;
  /** Which of them are the entries of maps. */
  readonly mapEntries?: readonly string[];
  readonly enums?: Readonly<Record<string, EnumValues>>;
  readonly services?: Readonly<Record<string, Readonly<Record<string, MethodSpec>>>>;
}

export type EnumValues = { readonly [name: string]: number };

export interface MethodSpec {
  readonly request: WireSchema;
  readonly response: WireSchema;
  readonly clientStreaming?: boolean;
  readonly serverStreaming?: boolean;
}

export interface FileDescription {
  readonly name: string;
  readonly dependencies: readonly string[];
  /** Full names of all that is in it: messages, fields, enums, values, services, methods. */
  readonly symbols: readonly string[];
  /** An encoded google.protobuf.FileDescriptorProto. */
  readonly descriptor: Uint8Array;
}

type Descriptor = ProtoMessage<typeof FILE_DESCRIPTOR>;
type MessageDescriptor = NonNullable<Descriptor['messageType']>[number];
type FieldDescriptor = NonNullable<MessageDescriptor['field']>[number];
type EnumDescriptor = NonNullable<Descriptor['enumType']>[number];
type Names = ReadonlyMap<object, string>;

/**
 * Describes files that use one another, for whoever asks a server what it speaks. Made of the schemas that decode the
 * messages, so the two cannot differ; options and comments are left out. Throws TypeError for a schema that is in no file.
 */
export function describeFiles(files: readonly FileSpec[]): FileDescription[] {
  const names = new Map<object, string>();
  for (const file of files) {
    for (const [name, schema] of Object.entries(file.messages ?? {})) names.set(schema, `${file.package}.${name}`);
    for (const [name, values] of Object.entries(file.enums ?? {})) names.set(values, `${file.package}.${name}`);
  }
  return files.map((file) => describeFile(file, names));
}

function describeFile(file: FileSpec, names: Names): FileDescription {
  const symbols: string[] = [];
  const { messages = {}, enums = {}, services = {}, dependencies = [] } = file;
  const messageOf = (name: string): MessageDescriptor => {
    const nested = within(name, messages).map(messageOf);
    const inner = within(name, enums).map((one) => enumOf(file, one, symbols));
    const described = describeMessage(file, name, names, symbols);
    return {
      ...described,
      ...(nested.length > 0 && { nestedType: nested }),
      ...(inner.length > 0 && { enumType: inner }),
    };
  };
  const descriptor: Descriptor = {
    name: file.name,
    package: file.package,
    dependency: [...dependencies],
    messageType: within('', messages).map(messageOf),
    enumType: within('', enums).map((name) => enumOf(file, name, symbols)),
    service: Object.entries(services).map(([name, methods]) => {
      const full = `${file.package}.${name}`;
      symbols.push(full, ...Object.keys(methods).map((method) => `${full}.${method}`));
      return { name, method: Object.entries(methods).map(([method, spec]) => describeMethod(method, spec, names)) };
    }),
    syntax: 'proto3',
  };
  return { name: file.name, dependencies, symbols, descriptor: encodeWire(FILE_DESCRIPTOR, descriptor) };
}

/** Names directly within another: `Outer.Inner` within `Outer`, all without a dot within the file. */
function within(outer: string, named: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(named).filter((name) => name.slice(0, Math.max(0, name.lastIndexOf('.'))) === outer);
}

function lastOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function describeMessage(file: FileSpec, name: string, names: Names, symbols: string[]): MessageDescriptor {
  const full = `${file.package}.${name}`;
  const fields = [...fieldsByNumber(file.messages?.[name] ?? {}).values()];
  const oneofs = [...new Set(fields.flatMap(({ field }) => field.oneof ?? []))];
  symbols.push(full, ...fields.map(({ protoName }) => `${full}.${protoName}`));
  return {
    name: lastOf(name),
    field: fields.map((field) => describeField(field, oneofs, names)),
    oneofDecl: oneofs.map((oneof) => ({ name: lastOf(oneof) })),
    ...(file.mapEntries?.includes(name) === true && { options: { mapEntry: true } }),
  };
}

function describeField(
  { name, protoName, field }: NamedField,
  oneofs: readonly string[],
  names: Names,
): FieldDescriptor {
  const { number, kind } = field;
  const type = kind === 'message' ? field.message : kind === 'enum' ? field.values : undefined;
  return {
    name: protoName,
    number,
    label: field.repeated === true ? Label.Repeated : Label.Optional,
    type: FIELD_TYPES[kind],
    jsonName: name,
    ...(type !== undefined && { typeName: typeName(type, names) }),
    ...(field.oneof !== undefined && { oneofIndex: oneofs.indexOf(field.oneof) }),
  };
}

function typeName(type: object, names: Names): string {
  const name = names.get(type);
  if (name === undefined) throw new TypeError('a message or enum is in no file');
  return `.${name}`;
}

/** Values stand beside their enum, not within it. SPEC: protobuf language guide, enum scoping */
function enumOf(file: FileSpec, name: string, symbols: string[]): EnumDescriptor {
  const full = `${file.package}.${name}`;
  const scope = full.slice(0, full.lastIndexOf('.'));
  const values = Object.entries(file.enums?.[name] ?? {});
  symbols.push(full, ...values.map(([value]) => `${scope}.${value}`));
  return { name: lastOf(name), value: values.map(([value, number]) => ({ name: value, number })) };
}

function describeMethod(
  name: string,
  { request, response, clientStreaming = false, serverStreaming = false }: MethodSpec,
  names: Names,
): { name: string; inputType: string; outputType: string; clientStreaming: boolean; serverStreaming: boolean } {
  const [inputType, outputType] = [typeName(request, names), typeName(response, names)];
  return { name, inputType, outputType, clientStreaming, serverStreaming };
}
