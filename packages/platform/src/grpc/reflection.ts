import type { FileDescription, WireSchema } from '@sigstead/formats';
import { bidiStream } from './method.ts';
import { GrpcCode, GrpcError } from './status.ts';
import type { GrpcFile, Message } from './types.ts';

/** Streams for people and tools that look around; each may take this long. */
const LIMITS = { maxCalls: 32, timeoutMs: 60_000 } as const;

/** What the server can tell about itself. */
export interface Described {
  /** Full names of the services. */
  readonly services: readonly string[];
  readonly files: readonly FileDescription[];
}

/**
 * grpc.reflection.v1 and, for older tools, v1alpha: the same messages under two names.
 * SPEC: grpc/reflection/v1/reflection.proto; answers as grpc-go gives them.
 * `described` is asked when somebody wants to know: it tells of this service, too.
 */
export function reflectionFile(version: 'v1' | 'v1alpha', described: () => Described): GrpcFile {
  const { messages, request, response } = schemasOf(version);
  return {
    name: `grpc/reflection/${version}/reflection.proto`,
    package: `grpc.reflection.${version}`,
    messages,
    services: {
      ServerReflection: {
        ServerReflectionInfo: bidiStream({ request, response, ...LIMITS }, async function* answers(questions) {
          const known = new Catalogue(described());
          for await (const question of questions) yield known.answer(question);
        }),
      },
    },
  };
}

type Schemas = ReturnType<typeof schemasOf>;
type Question = Message<Schemas['request']>;
type Answer = Message<Schemas['response']>;

/** What one stream was told: files that it has got are not sent again with others. */
class Catalogue {
  readonly #described: Described;
  readonly #byName: ReadonlyMap<string, FileDescription>;
  readonly #bySymbol: ReadonlyMap<string, FileDescription>;
  readonly #sent = new Set<string>();

  constructor(described: Described) {
    this.#described = described;
    this.#byName = new Map(described.files.map((file) => [file.name, file]));
    this.#bySymbol = new Map(described.files.flatMap((file) => file.symbols.map((symbol) => [symbol, file])));
  }

  answer(question: Question): Answer {
    return { validHost: question.host ?? '', originalRequest: question, ...this.#body(question) };
  }

  #body(question: Question): Partial<Answer> {
    const { fileByFilename, fileContainingSymbol, fileContainingExtension, allExtensionNumbersOfType } = question;
    if (question.listServices !== undefined) {
      return { listServicesResponse: { service: this.#described.services.toSorted().map((name) => ({ name })) } };
    }
    if (fileByFilename !== undefined) return this.#file(this.#byName.get(fileByFilename));
    if (fileContainingSymbol !== undefined) return this.#file(this.#bySymbol.get(fileContainingSymbol));
    // There are no extensions.
    if (fileContainingExtension !== undefined) return notFound();
    if (allExtensionNumbersOfType === undefined) {
      throw new GrpcError(GrpcCode.InvalidArgument, 'invalid MessageRequest: <nil>');
    }
    if (!this.#bySymbol.has(allExtensionNumbersOfType)) return notFound();
    return { allExtensionNumbersResponse: { baseTypeName: allExtensionNumbersOfType } };
  }

  /** The file, and what it imports unless it was sent. */
  #file(first: FileDescription | undefined): Partial<Answer> {
    if (first === undefined) return notFound();
    const found: FileDescription[] = [first];
    this.#sent.add(first.name);
    for (const { dependencies } of found) {
      for (const name of dependencies) {
        const file = this.#byName.get(name);
        if (file === undefined || this.#sent.has(name)) continue;
        this.#sent.add(name);
        found.push(file);
      }
    }
    return { fileDescriptorResponse: { fileDescriptorProto: found.map(({ descriptor }) => descriptor) } };
  }
}

function notFound(): Partial<Answer> {
  return { errorResponse: { errorCode: GrpcCode.NotFound, errorMessage: 'not found' } };
}

function schemasOf(version: string) {
  const ask = `grpc.reflection.${version}.ServerReflectionRequest.message_request`;
  const say = `grpc.reflection.${version}.ServerReflectionResponse.message_response`;
  const extension = {
    containingType: { number: 1, kind: 'string' },
    extensionNumber: { number: 2, kind: 'int32' },
  } as const satisfies WireSchema;
  const request = {
    host: { number: 1, kind: 'string' },
    fileByFilename: { number: 3, kind: 'string', oneof: ask },
    fileContainingSymbol: { number: 4, kind: 'string', oneof: ask },
    fileContainingExtension: { number: 5, kind: 'message', oneof: ask, message: extension },
    allExtensionNumbersOfType: { number: 6, kind: 'string', oneof: ask },
    listServices: { number: 7, kind: 'string', oneof: ask },
  } as const satisfies WireSchema;
  const files = { fileDescriptorProto: { number: 1, kind: 'bytes', repeated: true } } as const satisfies WireSchema;
  const numbers = {
    baseTypeName: { number: 1, kind: 'string' },
    extensionNumber: { number: 2, kind: 'int32', repeated: true },
  } as const satisfies WireSchema;
  const service = { name: { number: 1, kind: 'string' } } as const satisfies WireSchema;
  const services = {
    service: { number: 1, kind: 'message', repeated: true, message: service },
  } as const satisfies WireSchema;
  const error = {
    errorCode: { number: 1, kind: 'int32' },
    errorMessage: { number: 2, kind: 'string' },
  } as const satisfies WireSchema;
  const response = {
    validHost: { number: 1, kind: 'string' },
    originalRequest: { number: 2, kind: 'message', message: request },
    fileDescriptorResponse: { number: 4, kind: 'message', oneof: say, message: files },
    allExtensionNumbersResponse: { number: 5, kind: 'message', oneof: say, message: numbers },
    listServicesResponse: { number: 6, kind: 'message', oneof: say, message: services },
    errorResponse: { number: 7, kind: 'message', oneof: say, message: error },
  } as const satisfies WireSchema;
  const messages = {
    ServerReflectionRequest: request,
    ExtensionRequest: extension,
    ServerReflectionResponse: response,
    FileDescriptorResponse: files,
    ExtensionNumberResponse: numbers,
    ListServiceResponse: services,
    ServiceResponse: service,
    ErrorResponse: error,
  };
  return { messages, request, response };
}
