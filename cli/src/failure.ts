/** An end that a person can do something about: one line that says what, and the exit code. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(oneLine(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Failure';
    this.exitCode = options.exitCode ?? 1;
  }
}

/** A command line that cannot be understood: exit code 2. */
export function usageFailure(message: string, command?: string): Failure {
  const help = command === undefined ? 'sigstead --help' : `sigstead ${command} --help`;
  return new Failure(`${message} (see ${help})`, { exitCode: 2 });
}

/** Any text as a single line without control characters, those that turn the direction of writing included. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]+/gu, ' ').trim();
}

/** Message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return oneLine(error instanceof Error ? error.message : String(error));
}
