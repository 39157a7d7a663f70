export interface ConfigProblem {
  /** Where, such as `logs[1].origin`; empty for the whole text. */
  path: string;
  /** From 1; absent when it is about something missing. */
  line?: number;
  message: string;
}

/** The text is no valid configuration. Holds every problem found; the message is one line for each. */
export class ConfigError extends Error {
  readonly code = 'config_invalid';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(problemText).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

function problemText({ path, line, message }: ConfigProblem): string {
  const place = [path, line === undefined ? '' : `(line ${line})`].filter((part) => part !== '').join(' ');
  return printable(place === '' ? message : `${place}: ${message}`);
}

/** A key of the text may hold anything; a problem stays one line of a terminal. */
function printable(text: string): string {
  return text
    .replace(/\p{C}/gu, (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`)
    .slice(0, 1000);
}
