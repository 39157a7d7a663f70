import { TufError } from './errors.ts';
import { metadataOf, type PublishedMetadata, type PublishedSet } from './published.ts';

/** The newest publication this process knows; it only ever moves forward. Owned by the composition, read by the HTTP room. */
export class PublishedView {
  #set: PublishedSet | undefined;
  #metadata: PublishedMetadata | undefined;
  readonly #onChange: (metadata: PublishedMetadata) => void;

  constructor(onChange: (metadata: PublishedMetadata) => void) {
    this.#onChange = onChange;
  }

  get set(): PublishedSet | undefined {
    return this.#set;
  }

  get metadata(): PublishedMetadata | undefined {
    return this.#metadata;
  }

  /**
   * Loads what the store holds and takes it over when it is newer. What is stored may not be older than what was known when loading began, nor
   * tell another history: then the database was set back, `state_went_back` is thrown, and what is served stays. Returns what was loaded.
   */
  async refresh(load: () => Promise<PublishedSet | undefined>): Promise<PublishedSet | undefined> {
    const known = this.#set;
    const set = await load();
    if (known && !(set && set.sequence >= known.sequence && sameHistory(known, set))) {
      throw new TufError(
        'state_went_back',
        `publication ${set?.sequence ?? 0} is stored, ${known.sequence} was already served`,
      );
    }
    if (set) this.adopt(set);
    return set;
  }

  /** Takes over a set that is known to be stored, unless a newer one is here already. */
  adopt(set: PublishedSet): void {
    if (this.#set && set.sequence <= this.#set.sequence) return;
    this.#metadata = metadataOf(set);
    this.#set = set;
    this.#onChange(this.#metadata);
  }
}

/** The same number has the same content, and a later one keeps every root. */
function sameHistory(known: PublishedSet, set: PublishedSet): boolean {
  if (!known.roots.every(({ bytes }, index) => equal(bytes, set.roots[index]?.bytes))) return false;
  return set.sequence > known.sequence || equal(known.timestamp.bytes, set.timestamp.bytes);
}

function equal(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0;
}
