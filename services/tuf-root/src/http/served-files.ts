import type { Logger } from '@sigstead/platform';
import type { RoleName } from '../core/metadata.ts';
import type { PublicationStore } from '../core/ports.ts';
import { newestRoot } from '../core/published.ts';
import type { PublishedView } from '../core/published-view.ts';

/**
 * Files by what they are, never by path: from memory, else from the store. While the store is out of reach, what this process knows is
 * served on, and what it does not know is absent.
 */
export class ServedFiles {
  readonly #view: PublishedView;
  readonly #store: PublicationStore;
  readonly #logger: Logger;
  #refreshing: Promise<void> | undefined;
  #storeFailed = false;

  constructor(ports: { view: PublishedView; store: PublicationStore; logger: Logger }) {
    this.#view = ports.view;
    this.#store = ports.store;
    this.#logger = ports.logger;
  }

  /** The newest timestamp of all publishers: a client that was served by another one must not meet an older one here. */
  async timestamp(): Promise<Uint8Array | undefined> {
    await this.#refresh();
    return this.#view.set?.timestamp.bytes;
  }

  /** The newest root, for people; clients walk the numbered ones. */
  async newestRoot(): Promise<Uint8Array | undefined> {
    await this.#refresh();
    return this.#view.set && newestRoot(this.#view.set).bytes;
  }

  async metadata(role: RoleName, version: number): Promise<Uint8Array | undefined> {
    const known = this.#known(role, version);
    if (known) return known;
    // Clients end every refresh by asking for the next root: one question to the store serves all who wait.
    if (version > this.#newest(role)) {
      await this.#refresh();
      return this.#known(role, version);
    }
    return this.#fromStore(() => this.#store.metadata(role, version));
  }

  target(name: string, sha256: Uint8Array): Promise<Uint8Array | undefined> {
    const known = this.#view.set?.blobs.find((blob) => blob.name === name && Buffer.compare(blob.sha256, sha256) === 0);
    return known ? Promise.resolve(known.bytes) : this.#fromStore(() => this.#store.target(name, sha256));
  }

  #known(role: RoleName, version: number): Uint8Array | undefined {
    const set = this.#view.set;
    if (!set) return undefined;
    if (role === 'root') return set.roots[version - 1]?.bytes;
    return set[role].version === version ? set[role].bytes : undefined;
  }

  #newest(role: RoleName): number {
    return this.#view.metadata?.[role].version ?? 0;
  }

  /** Asks the store once for all who wait. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#fromStore(async () => {
      const sequence = await this.#store.newestSequence();
      if (sequence > (this.#view.set?.sequence ?? 0)) await this.#view.refresh(() => this.#store.load());
      return undefined;
    }).then(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #fromStore(read: () => Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> {
    try {
      const bytes = await read();
      this.#storeFailed = false;
      return bytes;
    } catch (error) {
      if (!this.#storeFailed)
        this.#logger.error({ error }, 'the store of the trust root cannot be read; serving what is in memory');
      this.#storeFailed = true;
      return undefined;
    }
  }
}
