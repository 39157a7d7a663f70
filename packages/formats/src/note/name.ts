import { FormatError } from '../errors.ts';

/** Unicode white space as Go's unicode.IsSpace has it, control characters, and the plus sign. SPEC: C2SP signed-note */
const FORBIDDEN_IN_NAME = /[\s\u0085\p{Cc}\p{Z}+]/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters a note may not hold
const FORBIDDEN_IN_TEXT = /[\u0000-\u0009\u000b-\u001f]/;

/** Whether a key name may stand in a signature line: not empty, no white space, no plus. */
export function isNoteName(name: string): boolean {
  return name !== '' && name.isWellFormed() && !FORBIDDEN_IN_NAME.test(name);
}

export function requireNoteName(name: string): string {
  if (!isNoteName(name))
    throw new FormatError('note_name_invalid', `${JSON.stringify(name)} is no name for a note key`);
  return name;
}

/** Whether text is free of control characters other than line ends. SPEC: C2SP signed-note, "Format" */
export function isNoteText(text: string): boolean {
  return text.isWellFormed() && !FORBIDDEN_IN_TEXT.test(text);
}
