import { expect, type FuzzTarget, parsed, textOf } from '@sigstead/test/fuzz';
import {
  encodeBase64,
  FormatError,
  formatCheckpointBody,
  isNoteName,
  type Note,
  parseNote,
  parseSignedCheckpoint,
  verifyNote,
} from '../../src/index.ts';
import { CHECKPOINTS, ORIGIN, VERIFIERS } from './seeds.ts';

const WORDS = [
  '\u2014 ',
  '\n',
  '\n\n',
  `\u2014 ${ORIGIN} `,
  'AAAA',
  '+',
  '\u0000',
  '\u2028',
  '\ud800',
  '0',
  'Log frozen',
];

function linesOf({ signatures }: Note): string {
  return signatures
    .map(({ name, keyHash, signature }) => `\u2014 ${name} ${encodeBase64(Buffer.concat([keyHash, signature]))}\n`)
    .join('');
}

const note: FuzzTarget = {
  name: 'note',
  kind: 'lines',
  seeds: CHECKPOINTS,
  words: WORDS,
  judge(input) {
    const text = textOf(input);
    const verdict = parsed(
      () => parseNote(text),
      [FormatError],
      (found) => {
        // One note, one spelling: what was signed cannot be read in two ways.
        expect(`${found.text}\n${linesOf(found)}` === text, 'it is written otherwise');
        expect(
          found.signatures.every(({ name }) => isNoteName(name)),
          'a name is none',
        );
      },
    );
    // Only what parses verifies, and nothing else leaves the verifier.
    const verified = parsed(() => verifyNote(text, VERIFIERS), [FormatError]);
    expect(verdict === 'accepted' || verified === 'refused', 'what does not parse is verified');
    return verdict;
  },
};

const signedCheckpoint: FuzzTarget = {
  name: 'checkpoint',
  kind: 'lines',
  seeds: CHECKPOINTS,
  words: WORDS,
  judge: (input) =>
    parsed(
      () => parseSignedCheckpoint(textOf(input)),
      [FormatError],
      ({ checkpoint, note: { text } }) => {
        expect(formatCheckpointBody(checkpoint) === text, 'it is written otherwise');
        expect(Number.isSafeInteger(checkpoint.size) && checkpoint.size >= 0, 'its size is none');
      },
    ),
};

export const targets: readonly FuzzTarget[] = [note, signedCheckpoint];
