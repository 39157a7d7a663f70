import { FormatError } from '../errors.ts';

const MAX_POLICY_BYTES = 1024 * 1024;
const MAX_LINE_BYTES = 128 * 1024;

/** Every problem of a policy has this code; `line` counts from 1. */
export function policyProblem(reason: string, line?: number, cause?: unknown): FormatError {
  const where = line === undefined ? '' : `line ${line}: `;
  return new FormatError('witness_policy_invalid', `${where}${reason}`, { cause });
}

function decode(octets: string): string | undefined {
  const bytes = Buffer.from(octets, 'latin1');
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : undefined;
}

/**
 * One definition. Words are strings of octets (each character one octet): whether two names are the same is decided by
 * them alone, whatever an encoding would make of them.
 */
export class PolicyLine {
  readonly number: number;
  readonly words: readonly string[];

  constructor(number: number, words: readonly string[]) {
    this.number = number;
    this.words = words;
  }

  problem(reason: string, cause?: unknown): FormatError {
    return policyProblem(reason, this.number, cause);
  }

  /** A word for people: UTF-8 where it is, else its octets as Latin-1. */
  shown(index: number): string {
    const word = this.words[index] ?? '';
    return decode(word) ?? word;
  }

  /** A word that must be UTF-8; undefined when the line is shorter. */
  utf8(index: number): string | undefined {
    const word = this.words[index];
    if (word === undefined) return undefined;
    const text = decode(word);
    if (text === undefined) throw this.problem('not UTF-8');
    return text;
  }

  expect({ least, most, form }: { least: number; most: number; form: string }): void {
    const { length } = this.words;
    if (length >= least && length <= most) return;
    const hint = this.words.some((word) => word.startsWith('#')) ? ' (a comment has a line of its own)' : '';
    throw this.problem(`the form is: ${form}${hint}`);
  }
}

/** The lines that define something. SPEC: C2SP tlog-policy, "Structure", "Character set" */
export function readPolicyLines(input: Uint8Array | string): PolicyLine[] {
  const bytes = typeof input === 'string' ? Buffer.from(input, 'utf8') : Buffer.from(input);
  if (bytes.length > MAX_POLICY_BYTES) throw policyProblem(`over ${MAX_POLICY_BYTES} bytes`);
  const lines: PolicyLine[] = [];
  for (const [index, text] of bytes.toString('latin1').split('\n').entries()) {
    if (text.length > MAX_LINE_BYTES) throw policyProblem('too long', index + 1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the octets a policy may not hold
    if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) {
      throw policyProblem(`a control character${text.endsWith('\r') ? ': lines end in LF alone' : ''}`, index + 1);
    }
    const words = text.split(/[ \t]+/).filter((word) => word !== '');
    if (words[0] !== undefined && !words[0].startsWith('#')) lines.push(new PolicyLine(index + 1, words));
  }
  return lines;
}
