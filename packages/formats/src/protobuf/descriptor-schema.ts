import type { WireSchema } from './schema.ts';

// SPEC: google/protobuf/descriptor.proto. Numbers and flags that are meant even where they are 0 or false have a oneof of
// their own here: so they are written.

const ENUM_VALUE = {
  name: { number: 1, kind: 'string' },
  number: { number: 2, kind: 'int32', oneof: '_number' },
} as const satisfies WireSchema;

const ENUM = {
  name: { number: 1, kind: 'string' },
  value: { number: 2, kind: 'message', repeated: true, message: ENUM_VALUE },
} as const satisfies WireSchema;

const FIELD = {
  name: { number: 1, kind: 'string' },
  number: { number: 3, kind: 'int32' },
  label: { number: 4, kind: 'int32' },
  type: { number: 5, kind: 'int32' },
  typeName: { number: 6, kind: 'string' },
  oneofIndex: { number: 9, kind: 'int32', oneof: '_oneof_index' },
  jsonName: { number: 10, kind: 'string' },
} as const satisfies WireSchema;

const MESSAGE_OPTIONS = { mapEntry: { number: 7, kind: 'bool' } } as const satisfies WireSchema;

const MESSAGE_PARTS = {
  name: { number: 1, kind: 'string' },
  field: { number: 2, kind: 'message', repeated: true, message: FIELD },
  enumType: { number: 4, kind: 'message', repeated: true, message: ENUM },
  options: { number: 7, kind: 'message', message: MESSAGE_OPTIONS },
  oneofDecl: { number: 8, kind: 'message', repeated: true, message: { name: { number: 1, kind: 'string' } } },
} as const satisfies WireSchema;

/** Messages within messages go one level deep: that is what there is in the services we have. */
const MESSAGE = {
  ...MESSAGE_PARTS,
  nestedType: { number: 3, kind: 'message', repeated: true, message: MESSAGE_PARTS },
} as const satisfies WireSchema;

const METHOD = {
  name: { number: 1, kind: 'string' },
  inputType: { number: 2, kind: 'string' },
  outputType: { number: 3, kind: 'string' },
  clientStreaming: { number: 5, kind: 'bool' },
  serverStreaming: { number: 6, kind: 'bool' },
} as const satisfies WireSchema;

const SERVICE = {
  name: { number: 1, kind: 'string' },
  method: { number: 2, kind: 'message', repeated: true, message: METHOD },
} as const satisfies WireSchema;

export const FILE_DESCRIPTOR = {
  name: { number: 1, kind: 'string' },
  package: { number: 2, kind: 'string' },
  dependency: { number: 3, kind: 'string', repeated: true },
  messageType: { number: 4, kind: 'message', repeated: true, message: MESSAGE },
  enumType: { number: 5, kind: 'message', repeated: true, message: ENUM },
  service: { number: 6, kind: 'message', repeated: true, message: SERVICE },
  syntax: { number: 12, kind: 'string' },
} as const satisfies WireSchema;

/** SPEC: descriptor.proto, FieldDescriptorProto.Label */
export const Label = { Optional: 1, Repeated: 3 } as const;

/** SPEC: descriptor.proto, FieldDescriptorProto.Type */
export const FIELD_TYPES = {
  int64: 3,
  uint64: 4,
  int32: 5,
  bool: 8,
  string: 9,
  message: 11,
  bytes: 12,
  uint32: 13,
  enum: 14,
} as const;
