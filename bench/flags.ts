import { parseArgs, type ParseArgsConfig } from 'node:util';

/** A command line that asks for what there is not: its message is for who typed it. */
export class UsageError extends Error {}

type Flags = NonNullable<ParseArgsConfig['options']>;

/** Values of the flags, all of which must be known. Throws UsageError. */
export function readFlags<T extends Flags>(
  args: readonly string[],
  options: T,
): ReturnType<typeof parseArgs<{ options: T }>>['values'] {
  try {
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

/** Throws UsageError when it is none between the bounds. */
export function wholeNumber(flag: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new UsageError(`${flag} is a whole number from ${min} to ${max}`);
  return value;
}

/** Numbers with commas between them. Throws UsageError, also when they are more than `most`. */
export function wholeNumbers(
  flag: string,
  text: string,
  { min, max, most }: { min: number; max: number; most: number },
): number[] {
  const values = text.split(',').map((each) => wholeNumber(flag, each.trim(), min, max));
  if (values.length > most) throw new UsageError(`${flag} takes ${most} values at most`);
  return values;
}
