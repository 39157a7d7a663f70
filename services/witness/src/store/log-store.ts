import { createHash } from 'node:crypto';
import path from 'node:path';
import { decodeBase64Strict, encodeBase64 } from '@sigstead/formats';
import { Outage } from '../core/errors.ts';
import type { LogStore, Mark } from '../core/ports.ts';
import { MAX_EARLIER } from '../core/state.ts';
import { makeDurableFolder, replaceFile, type StateFiles, textOf } from './files.ts';

export interface LogStoreOptions {
  readonly files: StateFiles;
  /** The witness's state folder. */
  readonly folder: string;
  /** Where marks are kept: best on another volume. */
  readonly markFolder?: string;
  readonly origin: string;
}

/** Pairs of notes that are kept of one log: one is proof enough, and a log that has forked can make any number. */
const MAX_EVIDENCE = 100;
/** Lines of the history before the older half is dropped. */
const MAX_HISTORY = 2 * MAX_EARLIER;
const MARK = /^(\d{1,16}) ([A-Za-z0-9+/]{43}=) (\d{1,16})\n$/;

/** Name of a log in files and in URLs: SHA-256 of its origin, in hex. SPEC: C2SP tlog-witness, "Monitor Retrieval Mechanism" */
export function originHash(origin: string): string {
  return createHash('sha256').update(origin).digest('hex');
}

/**
 * The state of one log in files:
 * - `logs/<hash>/latest`: the note of the latest cosigned checkpoint, replaced whole;
 * - `logs/<hash>/history`: the ones before, a JSON text on each line;
 * - `logs/<hash>/evidence/<name>/`: `cosigned` and `submitted`, two notes that cannot both be right;
 * - `cosigned/<hash>`: there as soon as something was cosigned, so that a folder that is gone is not taken for a new log;
 * - `<markFolder>/<hash>`: how far it was cosigned, on another volume.
 */
export class FolderLogStore implements LogStore {
  readonly #files: StateFiles;
  readonly #origin: string;
  readonly #folder: string;
  readonly #register: string;
  readonly #mark: string | undefined;
  #prepared = false;
  #historyLines = 0;

  constructor({ files, folder, markFolder, origin }: LogStoreOptions) {
    const hash = originHash(origin);
    this.#files = files;
    this.#origin = origin;
    this.#folder = path.join(folder, 'logs', hash);
    this.#register = path.join(folder, 'cosigned', hash);
    this.#mark = markFolder === undefined ? undefined : path.join(markFolder, hash);
  }

  async load(): ReturnType<LogStore['load']> {
    const earlier = await this.#readHistory();
    return {
      latest: textOf(await this.#files.read(path.join(this.#folder, 'latest'))),
      earlier,
      hasCosigned: (await this.#files.read(this.#register)) !== undefined,
      mark: await this.#readMark(),
    };
  }

  async save(note: string, mark: Mark): Promise<void> {
    await this.#prepare();
    await replaceFile(this.#files, path.join(this.#folder, 'latest'), Buffer.from(note));
    await this.#enter();
    if (this.#mark === undefined) return;
    const text = `${mark.size} ${encodeBase64(mark.root)} ${mark.timestampSec}\n`;
    await replaceFile(this.#files, this.#mark, Buffer.from(text));
  }

  async remember(note: string): Promise<void> {
    const file = path.join(this.#folder, 'history');
    if (this.#historyLines >= MAX_HISTORY) await this.#shorten(file);
    // A line end first: what a crash cut short ends there.
    await this.#files.append(file, Buffer.from(`\n${JSON.stringify(note)}\n`));
    this.#historyLines += 1;
  }

  async keepEvidence({
    name,
    cosigned,
    submitted,
  }: Parameters<LogStore['keepEvidence']>[0]): ReturnType<LogStore['keepEvidence']> {
    await this.#prepare();
    const all = path.join(this.#folder, 'evidence');
    const known = await this.#files.names(all);
    if (known.includes(name)) return 'known';
    if (known.length >= MAX_EVIDENCE) return 'full';
    await makeDurableFolder(this.#files, all);
    // Both notes are whole before the folder has its name.
    const draft = path.join(this.#folder, 'evidence.next');
    await makeDurableFolder(this.#files, draft);
    await replaceFile(this.#files, path.join(draft, 'cosigned'), Buffer.from(cosigned));
    await replaceFile(this.#files, path.join(draft, 'submitted'), Buffer.from(submitted));
    await this.#files.rename(draft, path.join(all, name));
    await this.#files.syncFolder(all);
    return 'kept';
  }

  /** The folder of this log, with its origin in it for people. */
  async #prepare(): Promise<void> {
    if (this.#prepared) return;
    await makeDurableFolder(this.#files, this.#folder);
    if ((await this.#files.read(path.join(this.#folder, 'origin'))) === undefined) {
      await replaceFile(this.#files, path.join(this.#folder, 'origin'), Buffer.from(`${this.#origin}\n`));
    }
    this.#prepared = true;
  }

  /** After the first note is durable, before anybody sees its cosignature: an entry without a note means a lost note. */
  async #enter(): Promise<void> {
    if ((await this.#files.read(this.#register)) !== undefined) return;
    await replaceFile(this.#files, this.#register, Buffer.from(`${this.#origin}\n`));
  }

  async #readHistory(): Promise<string[]> {
    const text = textOf(await this.#files.read(path.join(this.#folder, 'history'))) ?? '';
    const lines = text.split('\n').filter((line) => line !== '');
    this.#historyLines = lines.length;
    return lines.slice(-MAX_EARLIER).flatMap(jsonText);
  }

  async #shorten(file: string): Promise<void> {
    const kept = (await this.#readHistory()).map((note) => `${JSON.stringify(note)}\n`);
    await replaceFile(this.#files, file, Buffer.from(kept.join('')));
    this.#historyLines = kept.length;
  }

  async #readMark(): Promise<Mark | undefined> {
    const text = this.#mark === undefined ? undefined : textOf(await this.#files.read(this.#mark));
    if (text === undefined) return undefined;
    const [, size, root, timestampSec] = MARK.exec(text) ?? [];
    if (root === undefined) throw new Outage('halted', `the mark ${this.#mark} is damaged`);
    return { size: Number(size), root: decodeBase64Strict(root), timestampSec: Number(timestampSec) };
  }
}

/** A line that a crash cut short is no text; what it held is not missed. */
function jsonText(line: string): string[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'string' ? [value] : [];
  } catch {
    return [];
  }
}
