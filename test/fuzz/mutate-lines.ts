import { mutateText } from '../e2e/fuzz/mutate-text.ts';
import type { Random } from '../e2e/fuzz/random.ts';

const ENDS = ['\n', '\n', '\n', '\r\n', '\r', '', ' \n', '\n\n', '\u2028'];
const ODD_LINES = [
  '',
  ' ',
  '\u2014',
  '\u2014 ',
  '- a AAAA',
  '0',
  '00',
  '-1',
  '+1',
  '1e3',
  '9007199254740993',
  '٣',
  '\0',
  '=',
  '#',
];

/** A text of lines with one to four of them changed, or what stands between them. */
export function mutateLines(text: string, random: Random): string {
  let lines = text.split('\n');
  for (let times = 1 + random.below(4); times > 0; times--) lines = changedLines(lines, random);
  const end = random.chance(0.9) ? '\n' : random.pick(ENDS);
  return lines.join(end);
}

function changedLines(given: readonly string[], random: Random): string[] {
  const lines = given.length === 0 ? [''] : given;
  const at = random.below(lines.length);
  const line = lines[at] ?? '';
  return random.pick([
    () => lines.with(at, changedWords(line, random)),
    () => lines.with(at, changedWords(line, random)),
    () => lines.with(at, mutateText(line, random)),
    () => lines.toSpliced(at, 1),
    () => lines.toSpliced(at, 0, line),
    () => lines.toSpliced(at, 0, random.pick(lines)),
    () => lines.toSpliced(at, 0, random.pick(ODD_LINES)),
    () => lines.with(at, random.pick(ODD_LINES)),
    () => lines.toSpliced(at, 0, ...Array.from({ length: random.below(150) }, () => line)),
    () => lines.with(at, `${line}${random.pick(ENDS)}`),
    () => [...lines, ''],
  ])();
}

function changedWords(line: string, random: Random): string {
  const words = line.split(' ');
  const at = random.below(words.length);
  const word = words[at] ?? '';
  return random
    .pick([
      () => words.with(at, mutateText(word, random)),
      () => words.with(at, mutateText(word, random)),
      () => words.toSpliced(at, 1),
      () => words.toSpliced(at, 0, word),
      () => words.with(at, /^\d+$/.test(word) ? String(Number(word) + random.below(5) - 2) : `${word}=`),
    ])()
    .join(' ');
}
