import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { usageFailure } from './failure.ts';

type Values = Record<string, string | boolean | undefined>;
type TextValues<O extends ParseArgsOptionsConfig> = {
  [K in keyof O]?: O[K]['type'] extends 'boolean' ? boolean : string;
};

/** Options and other words of one command. Throws a usage Failure. */
export function parse<const O extends ParseArgsOptionsConfig>(
  command: string,
  args: string[],
  options: O,
  allowPositionals = false,
): { values: TextValues<O>; positionals: string[] } {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true, strict: true });
    if (!allowPositionals && positionals[0] !== undefined) {
      throw usageFailure(`unexpected ${quoted(positionals[0])}`, command);
    }
    refuseEmpty(command, values);
    return { values, positionals };
  } catch (error) {
    throw parseFailure(command, error);
  }
}

/** The library's texts advise tricks with `--`; ours name the flag. */
function parseFailure(command: string, error: unknown): unknown {
  if (!(error instanceof TypeError)) return error;
  const flag = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  const { code } = error as { code?: unknown };
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return usageFailure(`unknown option ${quoted(flag)}`, command);
  if (code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') {
    const name = /--[a-z-]+/.exec(flag)?.[0] ?? flag;
    return usageFailure(
      error.message.includes('does not take') ? `${name} takes no value` : `${name} needs a value`,
      command,
    );
  }
  return usageFailure(error.message, command);
}

function refuseEmpty(command: string, values: Values): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === '') throw usageFailure(`--${name} needs a value`, command);
  }
}

export function readPort(command: string, flag: string, text: string | undefined): number | undefined {
  return readNumber(command, flag, text, 0, 65_535);
}

export function readNumber(
  command: string,
  flag: string,
  text: string | undefined,
  min: number,
  max: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw usageFailure(`${flag} must be a whole number from ${min} to ${max}`, command);
  return value;
}

export function readOneOf<const T extends string>(
  command: string,
  flag: string,
  text: string | undefined,
  allowed: readonly T[],
): T | undefined {
  if (text === undefined) return undefined;
  const value = allowed.find((item) => item === text);
  if (value === undefined) throw usageFailure(`${flag} must be one of ${allowed.join(', ')}`, command);
  return value;
}

/** An origin: scheme, host, perhaps a port. Every path below it is taken by a service. */
export function readUrl(command: string, flag: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  const plain =
    url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.href === `${url.origin}/`;
  if (!plain) throw usageFailure(`${flag} must be like http://localhost:8080, without a path`, command);
  return url.origin;
}

/** A member that is there only when it has a value. */
export function given<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { [P in K]?: V };
}

/** As it is shown in messages. */
export function quoted(text: string): string {
  return `"${text}"`;
}

/** A word without which the command cannot run. */
export function needed(command: string, what: string, value: string | undefined): string {
  if (value === undefined) throw usageFailure(`name ${what}`, command);
  return value;
}

export function noMore(rest: readonly string[], command: string): void {
  if (rest[0] !== undefined) throw usageFailure(`unexpected ${quoted(rest[0])} after ${command}`);
}
