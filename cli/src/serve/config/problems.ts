import { Failure } from '../../failure.ts';

/** Collects what is wrong, so that it is told at once and not one fault a run. */
export class Problems {
  readonly #failures: Failure[] = [];

  /** What `run` gives; undefined when it threw a Failure, which is kept. Other errors are thrown on. */
  async try<T>(run: () => Promise<T>): Promise<T | undefined> {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#failures.push(error);
      return undefined;
    }
  }

  /** Throws one Failure with all that was kept. */
  throwAny(): void {
    const [first] = this.#failures;
    if (first === undefined) return;
    throw new Failure(this.#failures.map(({ message }) => message).join('; '), { cause: first });
  }
}
