/** Something that holds a resource. close() may be called more than once and resolves when the resource is given back. */
export interface Closable {
  close(): Promise<void>;
}

type CloseStep = () => Promise<void> | void;

/**
 * Owns what a composition opened and closes it in reverse order. A step that fails does not keep the others from
 * running: all are tried, then one AggregateError (or the only error) is thrown. Steps added while or after closing
 * are refused, so nothing can leak past the end.
 */
export class Closables implements Closable, AsyncDisposable {
  readonly #steps: CloseStep[] = [];
  #closing: Promise<void> | undefined;

  /** Takes ownership and returns the value, so that opening and owning are one expression. */
  use<T extends Closable>(value: T): T {
    this.defer(() => value.close());
    return value;
  }

  /** Runs `step` at close, before everything that was added earlier. */
  defer(step: CloseStep): void {
    if (this.#closing !== undefined) throw new Error('Closables: already closed');
    this.#steps.push(step);
  }

  close(): Promise<void> {
    this.#closing ??= this.#run();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    const errors: unknown[] = [];
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, 'several resources failed to close');
  }
}
