import type { Random } from '../e2e/fuzz/random.ts';

/** What a parser did with an input. Everything else that leaves it is a finding. */
export type Verdict = 'accepted' | 'refused';

/** One parser that meets hostile bytes. Such objects stand in `test/fuzz/*.fuzz.ts` of the room that owns the parser. */
export interface FuzzTarget {
  /** What `--parser` names it by. */
  readonly name: string;
  /** What the input is made of: which changes reach beyond the first byte. */
  readonly kind: 'bytes' | 'lines' | 'json' | 'der' | 'protobuf';
  /** Good inputs to start from; each is accepted as it is. */
  readonly seeds: readonly Uint8Array[];
  /** Words of the grammar, put in here and there. */
  readonly words?: readonly string[];
  /** Makes an input from its parts, where changing the bytes of a whole one would never get past a signature. */
  readonly make?: (random: Random) => Uint8Array;
  /**
   * Parses. Throws for a refusal that is not one of the parser's closed errors, and for what it accepted but did not
   * read right.
   */
  judge(input: Uint8Array): Verdict;
}

/** An error class with a closed list of codes, as all of ours are. */
type Coded = abstract new (...args: never[]) => Error & { readonly code: string };

/**
 * Runs a parser: `refused` when it throws one of `errors`, else what `check` makes of the result: it throws when the
 * result cannot be right.
 */
export function parsed<T>(
  parse: () => T,
  errors: readonly Coded[],
  check: (value: T) => void = () => undefined,
): Verdict {
  let value: T;
  try {
    value = parse();
  } catch (error) {
    if (errors.some((each) => error instanceof each)) return 'refused';
    throw error;
  }
  check(value);
  return 'accepted';
}

/** A parser took an input, and what it made of it is wrong. */
export function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`accepted, but ${what}`);
}

export function sameBytes(one: Uint8Array, two: Uint8Array): boolean {
  return Buffer.compare(one, two) === 0;
}

/** A text as a parser gets it from a body: U+FFFD in place of what is no UTF-8. */
export function textOf(input: Uint8Array): string {
  return Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString('utf8');
}
