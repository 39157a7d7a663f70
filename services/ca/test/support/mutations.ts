import fc from 'fast-check';

/** A cut and an insertion somewhere in a text: good texts are broken with it. */
export const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.nat(40),
  put: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom('{', '}', '[', '"', '\\', '\\u0000', '\\ud800', 'null', '1e999', ',', ':', '{"a":', '-----BEGIN '),
  ),
});

export interface Mutation {
  /** From 0, the start, to 1, the end. */
  readonly at: number;
  readonly cut: number;
  readonly put: string;
}

export function mutated(text: string, changes: readonly Mutation[]): string {
  let changed = text;
  for (const { at, cut, put } of changes) {
    const from = Math.floor(at * changed.length);
    changed = changed.slice(0, from) + put + changed.slice(from + cut);
  }
  return changed;
}
