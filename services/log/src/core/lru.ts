/** Values by key, the least recently used dropped first so that their weights stay within a budget of bytes. */
export class WeightedLru<V> {
  readonly #budget: number;
  readonly #weigh: (value: V) => number;
  /** Insertion order is order of use. */
  readonly #entries = new Map<string, V>();
  #weight = 0;
  #reserved = 0;

  constructor(options: { budgetBytes: number; weigh: (value: V) => number }) {
    this.#budget = options.budgetBytes;
    this.#weigh = options.weigh;
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.delete(key);
    this.#entries.set(key, value);
    this.#weight += this.#weigh(value);
    this.#shrink();
  }

  delete(key: string): void {
    const value = this.#entries.get(key);
    if (value === undefined) return;
    this.#entries.delete(key);
    this.#weight -= this.#weigh(value);
  }

  /** Makes room for what is on its way, at the cost of what is kept. The result gives the room back, once. */
  reserve(bytes: number): () => void {
    let held = bytes;
    this.#reserved += held;
    this.#shrink();
    return () => {
      this.#reserved -= held;
      held = 0;
    };
  }

  #shrink(): void {
    for (const [oldest] of this.#entries) {
      if (this.#weight + this.#reserved <= this.#budget) break;
      this.delete(oldest);
    }
  }
}
