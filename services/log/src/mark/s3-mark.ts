import { equalHashes } from '@sigstead/merkle';
import { LogError } from '../core/errors.ts';
import type { Mark, MarkStore } from '../core/ports.ts';
import { halted, nameHead, sameHead } from '../core/state.ts';
import type { ObjectStore } from '../export/object-store.ts';
import { formatMark, parseMark } from './mark-text.ts';

/** Who loses so often against others that raise the mark has a storage that decides nothing. */
const ATTEMPTS = 32;

const MAX_BYTES = 1000;

const HEADERS = { contentType: 'text/plain; charset=utf-8', cacheControl: 'no-store' };

interface Standing {
  mark: Mark;
  tag: string;
}

/**
 * A high-water mark in one object of a storage that honours conditions. It is replaced only over the bytes that were read
 * and found lower, so it never goes back, whatever the order of writers; a write whose outcome is not known is settled by
 * the next one, whose condition then fails, and by reading. What stood once must stay or be raised: a mark that is gone or
 * lower halts. A mark belongs to one log; `key` names that log's key. What the storage refuses is thrown as LogError
 * `unavailable`.
 */
export function s3Mark(options: { name: string; key: string; open: () => Promise<ObjectStore> }): MarkStore {
  const { name, key } = options;
  let store: Promise<ObjectStore> | undefined;
  /** As last read or written by us: what stands now is this or higher. */
  let seen: Standing | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  async function opened(): Promise<ObjectStore> {
    store ??= options.open();
    try {
      return await store;
    } catch (error) {
      store = undefined;
      throw error;
    }
  }

  async function look(): Promise<Standing | undefined> {
    const there = await (await opened()).get(name, MAX_BYTES);
    const now = there === undefined ? undefined : { mark: read(there.bytes), tag: there.tag };
    checkStands(name, seen?.mark, now?.mark);
    seen = now;
    return now;
  }

  function read(bytes: Uint8Array): Mark {
    const mark = parseMark(Buffer.from(bytes).toString('latin1'));
    if (mark === undefined) throw halted(`the mark ${name} is damaged`);
    if (mark.key !== key) throw halted(`the mark ${name} belongs to a log with another key`);
    return { size: mark.size, root: mark.root };
  }

  async function raise(mark: Mark, contains: (lower: Mark) => Promise<void>): Promise<Mark> {
    const object = { bytes: Buffer.from(formatMark(mark, key)), ...HEADERS };
    let standing = seen ?? (await look());
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (standing !== undefined) {
        checkSameTree(standing.mark, mark);
        if (standing.mark.size >= mark.size) return standing.mark;
        await contains(standing.mark);
      }
      const replaced = await (await opened()).replaceIf(name, object, standing?.tag);
      if (replaced !== 'lost') {
        seen = { mark, tag: replaced.tag };
        return mark;
      }
      standing = await look();
    }
    throw new LogError('unavailable', 'log is temporarily unavailable', { detail: `the mark ${name} is never ours` });
  }

  /** One at a time: each begins with what the one before has left. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(() => coded(name, work));
    turn = mine.catch(() => undefined);
    return mine;
  }

  return {
    read: () => inTurn(async () => (await look())?.mark),
    advance: (mark, contains) => inTurn(() => raise(mark, contains)),
  };
}

/**
 * Two marks of one log, each enough to notice what the other would: of a folder that several machines do not share, and of
 * a storage that they do. The lower one is raised with the next head.
 */
export function bothMarks(first: MarkStore, second: MarkStore): MarkStore {
  return {
    async read() {
      const [a, b] = [await first.read(), await second.read()];
      if (a === undefined || b === undefined) return a ?? b;
      checkSameTree(a, b);
      return a.size >= b.size ? a : b;
    },
    async advance(mark, contains) {
      const [a, b] = [await first.advance(mark, contains), await second.advance(mark, contains)];
      checkSameTree(a, b);
      return a.size >= b.size ? a : b;
    },
  };
}

function checkSameTree(a: Mark, b: Mark): void {
  if (a.size !== b.size || equalHashes(a.root, b.root)) return;
  throw halted(`the mark (${nameHead(a)}) and the log (${nameHead(b)}) are two trees`);
}

/** What was seen to stand may only have been raised since. */
function checkStands(name: string, before: Mark | undefined, now: Mark | undefined): void {
  if (before === undefined || (now !== undefined && (now.size > before.size || sameHead(now, before)))) return;
  const what = now === undefined ? 'is gone' : `was set to ${nameHead(now)}`;
  throw halted(`the mark ${name}, which had ${nameHead(before)}, ${what}`);
}

async function coded<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof LogError) throw cause;
    const detail = `the mark ${name} cannot be read or raised: ${String(cause)}`;
    throw new LogError('unavailable', 'log is temporarily unavailable', { detail, cause });
  }
}
