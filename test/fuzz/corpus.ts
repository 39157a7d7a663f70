import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** An input that broke somebody once, or that a page on attacks names. */
export interface CorpusCase {
  /** `GHSA-…`, `CVE-…`, `project#number`, or the class of attack; then what this one is. Unique. */
  readonly name: string;
  /** Name of the target. */
  readonly parser: string;
  readonly verdict: 'accepted' | 'refused';
  readonly bytes: Uint8Array;
}

interface Line {
  name: string;
  parser: string;
  verdict: 'accepted' | 'refused';
  /** Exactly one of these. Parts are repeated and joined. */
  text?: string;
  base64?: string;
  parts?: [text: string, times: number][];
  base64Parts?: [base64: string, times: number][];
}

const FILE = resolve(import.meta.dirname, '..', 'vectors', 'fuzz', 'corpus.jsonl');

/** All of the corpus. Throws for a line that says nothing, or too much. */
export function corpus(): CorpusCase[] {
  const cases = readFileSync(FILE, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
    .map(({ name, parser, verdict, ...input }) => ({ name, parser, verdict, bytes: bytesOf(name, input) }));
  if (new Set(cases.map(({ name }) => name)).size !== cases.length)
    throw new Error('a name stands twice in the corpus');
  return cases;
}

function bytesOf(
  name: string,
  { text, base64, parts, base64Parts }: Omit<Line, 'name' | 'parser' | 'verdict'>,
): Buffer {
  if ([text, base64, parts, base64Parts].filter((each) => each !== undefined).length !== 1)
    throw new Error(`${name}: one of text, base64, parts, base64Parts`);
  if (text !== undefined) return Buffer.from(text);
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  if (parts !== undefined) return Buffer.from(parts.map(([part, times]) => part.repeat(times)).join(''));
  return Buffer.concat(
    (base64Parts ?? []).flatMap(([part, times]) => Array.from({ length: times }, () => Buffer.from(part, 'base64'))),
  );
}
