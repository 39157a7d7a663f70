import { readFileSync } from 'node:fs';

/** The recorded answers of the real servers; their format stands in test/vectors/recorded/README.md. */
export const RECORDED = new URL('../../../../test/vectors/recorded/', import.meta.url);

/** The lines of a recorded file, as the caller knows them to be. */
export function recordedLines<T>(file: string): T[] {
  const lines = readFileSync(new URL(file, RECORDED), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as T);
}
