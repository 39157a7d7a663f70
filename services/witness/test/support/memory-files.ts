import path from 'node:path';
import type { StateFiles } from '@sigstead/witness';

interface FileNode {
  readonly kind: 'file';
  bytes: Buffer;
  synced: Buffer;
}

interface FolderNode {
  readonly kind: 'folder';
  entries: Map<string, FileNode | FolderNode>;
  synced: Map<string, FileNode | FolderNode>;
}

/** What goes wrong at a step: `before` and `after` fail once, without and with its effect; `die` is the end of the process. */
export type Fault = 'before' | 'after' | 'die-before' | 'die-after';

const folderNode = (): FolderNode => ({ kind: 'folder', entries: new Map(), synced: new Map() });
const error = (code: string): Error => Object.assign(new Error(code), { code, syscall: 'test' });

/**
 * A disk that polices: what was not synced is lost when the power fails, or not, as `keeps` says for each change; nothing
 * is written twice under a new name; a step can fail in each of the ways a step can.
 */
export class MemoryFiles implements StateFiles {
  #root = folderNode();
  #steps = 0;
  #dead = false;
  #died = Promise.withResolvers<'died'>();
  readonly #locked = new Set<string>();
  #fault: { at: number; kind: Fault } | undefined;

  /** Resolves when the process dies. */
  get died(): Promise<'died'> {
    return this.#died.promise;
  }

  get steps(): number {
    return this.#steps;
  }

  /** The n-th step from now (0 is the next one) goes wrong. */
  failAt(n: number, kind: Fault): void {
    this.#fault = { at: this.#steps + n, kind };
  }

  /** The process is another one; the machine went on. */
  restart(): void {
    this.#locked.clear();
    this.#dead = false;
    this.#died = Promise.withResolvers();
    this.#fault = undefined;
  }

  /** The machine lost power. `keeps`: whether a change that was not synced came through all the same. */
  losePower(keeps: () => boolean): void {
    const settle = (folder: FolderNode): void => {
      const names = new Set([...folder.entries.keys(), ...folder.synced.keys()]);
      const entries = new Map<string, FileNode | FolderNode>();
      for (const name of names) {
        const [now, then] = [folder.entries.get(name), folder.synced.get(name)];
        const node = now === then || keeps() ? now : then;
        if (node !== undefined) entries.set(name, node);
      }
      folder.entries = entries;
      folder.synced = new Map(entries);
      for (const node of entries.values()) {
        if (node.kind === 'folder') settle(node);
        else if (!node.bytes.equals(node.synced)) {
          const more = keeps()
            ? node.bytes.subarray(0, node.synced.length + Math.floor(node.bytes.length / 2))
            : node.synced;
          node.bytes = Buffer.from(more);
          node.synced = node.bytes;
        }
      }
    };
    settle(this.#root);
    this.restart();
  }

  read(file: string): Promise<Uint8Array | undefined> {
    return this.#step(() => {
      const node = this.#find(file);
      return node?.kind === 'file' ? Buffer.from(node.bytes) : undefined;
    });
  }

  names(folder: string): Promise<string[]> {
    return this.#step(() => {
      const node = this.#find(folder);
      return node?.kind === 'folder' ? [...node.entries.keys()] : [];
    });
  }

  writeNew(file: string, bytes: Uint8Array): Promise<void> {
    return this.#step(() => {
      const { entries } = this.#folder(path.dirname(file));
      if (entries.has(path.basename(file))) throw error('EEXIST');
      const content = Buffer.from(bytes);
      entries.set(path.basename(file), { kind: 'file', bytes: content, synced: content });
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#step(() => {
      const node = this.#find(from);
      if (node === undefined) throw error('ENOENT');
      this.#folder(path.dirname(to)).entries.set(path.basename(to), node);
      this.#folder(path.dirname(from)).entries.delete(path.basename(from));
    });
  }

  append(file: string, bytes: Uint8Array): Promise<void> {
    return this.#step(() => {
      const { entries } = this.#folder(path.dirname(file));
      const known = entries.get(path.basename(file));
      const before = known?.kind === 'file' ? known : undefined;
      const content = Buffer.concat([before?.bytes ?? Buffer.alloc(0), bytes]);
      if (before !== undefined) before.bytes = content;
      else entries.set(path.basename(file), { kind: 'file', bytes: content, synced: Buffer.alloc(0) });
    });
  }

  makeFolder(folder: string): Promise<void> {
    return this.#step(() => {
      let at = this.#root;
      for (const name of folder.split('/').filter(Boolean)) {
        const next = at.entries.get(name) ?? folderNode();
        if (next.kind !== 'folder') throw error('ENOTDIR');
        at.entries.set(name, next);
        at = next;
      }
    });
  }

  syncFolder(folder: string): Promise<void> {
    return this.#step(() => {
      const node = this.#folder(folder);
      node.synced = new Map(node.entries);
    });
  }

  remove(file: string): Promise<void> {
    return this.#step(() => {
      const parent = this.#find(path.dirname(file));
      if (parent?.kind === 'folder') parent.entries.delete(path.basename(file));
    });
  }

  lock(file: string): { close(): void } | undefined {
    if (this.#locked.has(file)) return undefined;
    this.#locked.add(file);
    return { close: () => this.#locked.delete(file) };
  }

  async #step<T>(effect: () => T): Promise<T> {
    await Promise.resolve();
    if (this.#dead) return new Promise<T>(() => undefined);
    const fault = this.#fault?.at === this.#steps ? this.#fault.kind : undefined;
    this.#steps += 1;
    if (fault === 'before') throw error('EIO');
    if (fault === 'die-before') return this.#die();
    const result = effect();
    if (fault === 'after') throw error('EIO');
    return fault === 'die-after' ? this.#die() : result;
  }

  /** What a dead process waited for never comes; who asked it sees the connection end. */
  #die<T>(): Promise<T> {
    this.#dead = true;
    this.#died.resolve('died');
    return new Promise<T>(() => undefined);
  }

  #find(file: string): FileNode | FolderNode | undefined {
    let at: FileNode | FolderNode | undefined = this.#root;
    for (const name of file.split('/').filter(Boolean)) at = at?.kind === 'folder' ? at.entries.get(name) : undefined;
    return at;
  }

  #folder(folder: string): FolderNode {
    const node = this.#find(folder);
    if (node?.kind !== 'folder') throw error('ENOENT');
    return node;
  }
}
