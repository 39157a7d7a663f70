/**
 * The log as its callers may rely on it: a sequence that only grows. What a single recorder saw of many concurrent
 * operations is compared with the log that there is at the end. Times are of one clock, in milliseconds.
 */

/** `ok`: answered with an index. `fail`: refused before it was taken. `unknown`: no answer, so in or out. */
export type Outcome =
  | { readonly kind: 'ok'; readonly index: number; readonly treeSize?: number; readonly leafHash?: string }
  | { readonly kind: 'fail' }
  | { readonly kind: 'unknown' };

export interface Append {
  /** Names what was submitted; the same for every submission of it. */
  readonly entry: string;
  /** One life of one process: sizes it shows never go back. */
  readonly life: string;
  readonly invokedMs: number;
  readonly endedMs: number;
  readonly outcome: Outcome;
}

export interface HeadRead {
  readonly life: string;
  readonly invokedMs: number;
  readonly endedMs: number;
  readonly treeSize: number;
}

export interface History {
  readonly appends: readonly Append[];
  readonly reads: readonly HeadRead[];
}

/** What stands at one index of the log in the end. */
export interface FinalEntry {
  readonly entry: string;
  readonly leafHash: string;
}

export type Rule =
  /** An answered index holds something else, or nothing. */
  | 'lost'
  /** One entry at two indexes. */
  | 'twice'
  /** Nobody submitted it, or all who did were refused. */
  | 'invented'
  /** Submitted after a longer tree was seen, yet inside that tree. */
  | 'order'
  /** An answer's index lies outside its own tree, or a tree was seen that is longer than the log. */
  | 'bounds'
  /** One process showed a smaller tree than before. */
  | 'went-back';

export interface Violation {
  readonly rule: Rule;
  readonly text: string;
}

/** All contradictions between what was answered and the log. An empty list is a sound history. */
export function checkHistory(history: History, log: readonly FinalEntry[]): Violation[] {
  return [
    ...answersThatAreLost(history, log),
    ...entriesWithoutCause(history, log),
    ...outOfBounds(history, log),
    ...outOfOrder(history, log),
    ...wentBack(history),
  ];
}

function answersThatAreLost({ appends }: History, log: readonly FinalEntry[]): Violation[] {
  const found: Violation[] = [];
  for (const { entry, outcome } of appends) {
    if (outcome.kind !== 'ok') continue;
    const there = log[outcome.index];
    if (there?.entry === entry && (outcome.leafHash ?? there.leafHash) === there.leafHash) continue;
    const what = there === undefined ? 'nothing' : `entry ${there.entry} (leaf ${there.leafHash})`;
    found.push({ rule: 'lost', text: `entry ${entry} was answered index ${outcome.index}, which holds ${what}` });
  }
  return found;
}

function entriesWithoutCause({ appends }: History, log: readonly FinalEntry[]): Violation[] {
  const found: Violation[] = [];
  const submitted = new Set(appends.filter(({ outcome }) => outcome.kind !== 'fail').map(({ entry }) => entry));
  const indexOf = new Map<string, number>();
  for (const [index, { entry }] of log.entries()) {
    const other = indexOf.get(entry);
    if (other !== undefined) found.push({ rule: 'twice', text: `entry ${entry} is at ${other} and at ${index}` });
    if (!submitted.has(entry)) found.push({ rule: 'invented', text: `index ${index} holds ${entry}: none was taken` });
    indexOf.set(entry, index);
  }
  return found;
}

interface Sight {
  readonly life: string;
  readonly endedMs: number;
  readonly treeSize: number;
}

/** Every tree that somebody saw: in a checkpoint, in an answer, or implied by an index. */
function sights({ appends, reads }: History): Sight[] {
  const fromAppends = appends.flatMap(({ life, endedMs, outcome }) =>
    outcome.kind === 'ok' ? [{ life, endedMs, treeSize: outcome.treeSize ?? outcome.index + 1 }] : [],
  );
  return [...fromAppends, ...reads].sort((a, b) => a.endedMs - b.endedMs);
}

function outOfBounds(history: History, log: readonly FinalEntry[]): Violation[] {
  const outside = history.appends.flatMap(({ entry, outcome }): Violation[] => {
    if (outcome.kind !== 'ok' || outcome.treeSize === undefined || outcome.index < outcome.treeSize) return [];
    const text = `entry ${entry} was answered index ${outcome.index} in a tree of ${outcome.treeSize}`;
    return [{ rule: 'bounds', text }];
  });
  const tooLong = sights(history).filter(({ treeSize }) => treeSize > log.length);
  return [
    ...outside,
    ...tooLong.map(({ life, treeSize }): Violation => {
      return { rule: 'bounds', text: `${life} showed a tree of ${treeSize}; the log has ${log.length} entries` };
    }),
  ];
}

/** Real time: what was not yet submitted when a tree was seen cannot be inside it. */
function outOfOrder(history: History, log: readonly FinalEntry[]): Violation[] {
  const found: Violation[] = [];
  const firstMs = new Map<string, number>();
  for (const { entry, invokedMs } of history.appends) {
    firstMs.set(entry, Math.min(invokedMs, firstMs.get(entry) ?? Infinity));
  }
  const starts = log
    .map(({ entry }, index) => ({ entry, index, invokedMs: firstMs.get(entry) ?? Infinity }))
    .filter(({ invokedMs }) => invokedMs < Infinity)
    .sort((a, b) => a.invokedMs - b.invokedMs);
  const seen = sights(history);
  let next = 0;
  let longest = 0;
  for (const { entry, index, invokedMs } of starts) {
    for (; (seen[next]?.endedMs ?? Infinity) < invokedMs; next++) longest = Math.max(longest, seen[next]!.treeSize);
    if (index >= longest) continue;
    const text = `entry ${entry} is at ${index}, but was submitted after a tree of ${longest} had been seen`;
    found.push({ rule: 'order', text });
  }
  return found;
}

function wentBack(history: History): Violation[] {
  const found: Violation[] = [];
  const seen = sights(history);
  const longest = new Map<string, number>();
  let next = 0;
  for (const read of [...history.reads].sort((a, b) => a.invokedMs - b.invokedMs)) {
    for (; (seen[next]?.endedMs ?? Infinity) < read.invokedMs; next++) {
      const { life, treeSize } = seen[next]!;
      longest.set(life, Math.max(treeSize, longest.get(life) ?? 0));
    }
    const before = longest.get(read.life) ?? 0;
    if (read.treeSize >= before) continue;
    found.push({ rule: 'went-back', text: `${read.life} showed a tree of ${read.treeSize} after one of ${before}` });
  }
  return found;
}
