/** What the runner reports. SPEC: Node.js `node:test`, class TestsStream; the members that the types leave out too. */
export interface TestEvent {
  type: string;
  data: {
    name?: string;
    nesting?: number;
    testId?: number;
    parentId?: number;
    file?: string;
    entryFile?: string;
    duration_ms?: number;
    success?: boolean;
    counts?: Counts;
  };
}

export interface Counts {
  passed: number;
  failed: number;
  cancelled: number;
  skipped: number;
  todo: number;
}

export interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
  /** What is wrong beyond failed tests, one line each. */
  faults: string[];
  /** Milliseconds by test file. */
  durations: Map<string, number>;
}

/** Follows a run and says how it ended. A file without tests and a name used twice in a file are failures. */
export class TestEvents {
  readonly #paths = new Map<string, Map<number, string>>();
  readonly #seen = new Set<string>();
  readonly #faults: string[] = [];
  readonly #durations = new Map<string, number>();
  #emptyFiles = 0;
  #final: { success: boolean; counts: Counts } | undefined;

  add({ type, data }: TestEvent): void {
    if (type === 'test:start') this.#started(data);
    else if (type === 'test:pass') this.#passed(data);
    else if (type === 'test:summary') this.#summary(data);
  }

  outcome(): Outcome {
    const counts = this.#final?.counts ?? { passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 };
    const passed = counts.passed - this.#emptyFiles;
    if (passed + counts.failed + counts.cancelled === 0) this.#faults.push('no test ran');
    const failed = counts.failed + counts.cancelled + this.#faults.length;
    // A hook of a suite may fail without any test of it failing.
    if (failed === 0 && this.#final?.success !== true) this.#faults.push('the run ended without success');
    const total = Math.max(failed, this.#faults.length);
    return {
      passed,
      failed: total,
      skipped: counts.skipped + counts.todo,
      faults: this.#faults,
      durations: this.#durations,
    };
  }

  #started({ name = '', testId, parentId, entryFile }: TestEvent['data']): void {
    if (entryFile === undefined || testId === undefined) return;
    const paths = this.#paths.get(entryFile) ?? new Map<number, string>();
    this.#paths.set(entryFile, paths);
    const parent = paths.get(parentId ?? 0);
    const path = parent === undefined ? name : `${parent} > ${name}`;
    paths.set(testId, path);
    const key = `${entryFile}\0${path}`;
    if (this.#seen.has(key)) this.#faults.push(`two tests of ${entryFile} have the name "${path}"`);
    this.#seen.add(key);
  }

  /** The runner reports a file by its own name when it found no test in it. */
  #passed({ name, file, entryFile }: TestEvent['data']): void {
    if (entryFile !== undefined || file === undefined || name !== file) return;
    this.#emptyFiles += 1;
    this.#faults.push(`${file} has no test`);
  }

  #summary({ file, duration_ms, success, counts }: TestEvent['data']): void {
    if (file !== undefined) this.#durations.set(file, duration_ms ?? 0);
    else if (counts !== undefined) this.#final = { success: success === true, counts };
  }
}
