import type { Logger } from '@sigstead/platform';
import { type AcceptedRoot, addedTo, MAX_ROOTS, mergeRoots, readRoots } from '../core/ct/roots.ts';
import { LogError } from '../core/errors.ts';
import type { RootMetrics } from './metrics.ts';
import type { RootSource } from './source.ts';

/** Roots that were seen at lasting sources. Insert-only. Throws what the database does. */
export interface RootStore {
  /** Of one source, in the order they were seen. */
  seen(source: string): Promise<Uint8Array[]>;
  /** Of all sources but these. */
  seenElsewhere(sources: readonly string[]): Promise<Uint8Array[]>;
  /** Durable on return; one that is there already is left as it is. */
  remember(source: string, certificates: readonly Uint8Array[]): Promise<void>;
}

export interface RootFollowerOptions {
  /** DER, for as long as the process runs. */
  fixed: readonly Uint8Array[];
  sources: readonly RootSource[];
  /** Fingerprints, lower-case hex, that are never accepted, wherever they come from. */
  rejected: ReadonlySet<string>;
  store: RootStore;
  sha256: (data: Uint8Array) => Uint8Array;
  logger: Logger;
  metrics: RootMetrics;
  /** Time in which chains with unknown roots have the sources looked at once. Default 1000. */
  askedMs?: number;
}

/** Longest look at a source. */
const LOOK_MS = 5000;
/** A chain with an unknown root has the sources looked at, but not more often than this. */
const ASKED_MS = 1000;

interface Followed {
  readonly source: RootSource;
  /** What was read last and holds, all that was ever seen for a lasting source. */
  roots: readonly AcceptedRoot[];
  /** Whether it has ever given roots, to this process or one before. */
  known: boolean;
  failures: number;
  /** Lasting roots that were told to be gone from the source. */
  gone: ReadonlySet<string>;
  timer: NodeJS.Timeout | undefined;
  looking: Promise<void> | undefined;
}

/**
 * The accepted roots of a CT log, followed at their sources. What cannot be read changes nothing: the last good roots
 * stand. A lasting source only ever adds; what it adds is durable before it is accepted, so that every process accepts it
 * from its start on, also while the source is away.
 */
export class RootFollower {
  readonly #options: RootFollowerOptions;
  readonly #fixed: readonly AcceptedRoot[];
  readonly #followed: readonly Followed[];
  readonly #stop = new AbortController();
  /** What lasting sources of before have shown: a chain that is given under another path or URL ends no root. */
  #before: readonly AcceptedRoot[] = [];
  #roots: readonly AcceptedRoot[] = [];
  #askedMs = Number.NEGATIVE_INFINITY;
  #asked: Promise<void> = Promise.resolve();

  /** Throws `misconfigured` for fixed roots that are none. */
  constructor(options: RootFollowerOptions) {
    this.#options = options;
    this.#fixed = options.fixed.length === 0 ? [] : readRoots(options.fixed, options.sha256);
    this.#followed = options.sources.map((source) => ({
      source,
      roots: [],
      known: false,
      failures: 0,
      gone: new Set<string>(),
      timer: undefined,
      looking: undefined,
    }));
  }

  /** What is accepted now. */
  get roots(): readonly AcceptedRoot[] {
    return this.#roots;
  }

  /** Names of sources that have never given roots: a chain that leads to none may be right. */
  get unknownSources(): string[] {
    return this.#followed.flatMap(({ known, source }) => (known ? [] : [source.name]));
  }

  /**
   * Takes what was remembered, looks once at every source, and goes on looking. Throws what the database does, and
   * `misconfigured` when a source of this machine gives nothing and never has.
   */
  async start(): Promise<void> {
    for (const followed of this.#followed) {
      const { source } = followed;
      if (source.lasting) this.#take(followed, await this.#options.store.seen(source.name));
    }
    await this.#takeBefore();
    this.#merge();
    const looks = this.#followed.map((followed) => ({ followed, look: this.#shared(followed) }));
    for (const { followed, look } of looks) {
      void look.finally(() => this.#rest(followed));
      if (followed.source.remote) continue;
      await look;
      if (!followed.known) throw new LogError('misconfigured', `no roots can be read from ${followed.source.name}`);
    }
  }

  /**
   * Looks at every source at once because a chain led to a root that is not accepted. Those who ask meanwhile share one
   * look; soon after one, nothing is looked at. Never throws.
   */
  lookAgain(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#askedMs < (this.#options.askedMs ?? ASKED_MS)) return this.#asked;
    this.#askedMs = nowMs;
    this.#asked = Promise.all(this.#followed.map((followed) => this.#shared(followed))).then(() => undefined);
    return this.#asked;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    for (const { timer } of this.#followed) clearTimeout(timer);
    await Promise.all(this.#followed.map(async ({ looking }) => looking));
  }

  #rest(followed: Followed): void {
    if (this.#stop.signal.aborted) return;
    followed.timer = setTimeout(() => {
      void this.#shared(followed).finally(() => this.#rest(followed));
    }, followed.source.everyMs);
    // A log that nobody closes must not keep its process alive for this.
    followed.timer.unref();
  }

  #shared(followed: Followed): Promise<void> {
    followed.looking ??= this.#look(followed).finally(() => {
      followed.looking = undefined;
    });
    return followed.looking;
  }

  /** Never throws: a source that fails is told, and tried again. */
  async #look(followed: Followed): Promise<void> {
    const { logger, metrics } = this.#options;
    const { source } = followed;
    try {
      const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(LOOK_MS)]);
      await this.#found(followed, readRoots(await source.read(signal), this.#options.sha256));
      if (followed.failures > 0) logger.info({ source: source.name }, 'accepted roots can be read again');
      followed.failures = 0;
      metrics.read(source.name, 'ok');
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      followed.failures += 1;
      metrics.read(source.name, 'failed');
      // Told at once, and again as it goes on, ever more rarely.
      if (Number.isInteger(Math.log2(followed.failures))) {
        const { failures } = followed;
        const text = 'accepted roots cannot be read from their source; those read before stay accepted';
        logger.error({ source: source.name, failures, error, detail: detailOf(error) }, text);
      }
    }
  }

  async #found(followed: Followed, found: readonly AcceptedRoot[]): Promise<void> {
    const { source, roots: before } = followed;
    const added = new Set(addedTo(before, found));
    const change = { source: source.name, added: [...added], removed: source.lasting ? [] : addedTo(found, before) };
    // What a source holds at first is what was configured; what comes later somebody may want to know about.
    const level = followed.known ? 'warn' : 'info';
    if (!source.lasting) {
      followed.roots = found;
      followed.known = true;
      return this.#tell(level, change);
    }
    const news = found.filter(({ fingerprint }) => added.has(fingerprint));
    if (news.length > 0) {
      if (before.length + news.length > MAX_ROOTS)
        throw new LogError('misconfigured', `it has shown over ${MAX_ROOTS} roots`);
      const certificates = news.map(({ certificate }) => certificate.der);
      await this.#options.store.remember(source.name, certificates);
    }
    followed.roots = [...before, ...news];
    followed.known = true;
    this.#tellGone(followed, addedTo(found, followed.roots));
    this.#tell(level, change);
  }

  #take(followed: Followed, certificates: readonly Uint8Array[]): void {
    followed.roots = this.#held(followed.source.name, certificates);
    followed.known = followed.roots.length > 0;
  }

  /** Where nothing lasts any more, the operator has written down all that counts. */
  async #takeBefore(): Promise<void> {
    const lasting = this.#followed.flatMap(({ source }) => (source.lasting ? [source.name] : []));
    if (lasting.length === 0) return;
    this.#before = this.#held('another source', await this.#options.store.seenElsewhere(lasting));
  }

  /** What was remembered held when it was; what does not hold any more is left out and told. */
  #held(source: string, certificates: readonly Uint8Array[]): AcceptedRoot[] {
    return certificates.flatMap((certificate) => {
      try {
        return readRoots([certificate], this.#options.sha256);
      } catch (error) {
        this.#options.logger.error({ source, error }, 'a remembered root cannot be accepted');
        return [];
      }
    });
  }

  #tell(level: 'info' | 'warn', change: { source: string; added: string[]; removed: string[] }): void {
    this.#merge();
    if (change.added.length + change.removed.length === 0) return;
    this.#options.logger[level](change, 'the accepted roots of the log have changed');
  }

  #tellGone(followed: Followed, gone: readonly string[]): void {
    const news = gone.filter((each) => !followed.gone.has(each));
    followed.gone = new Set(gone);
    if (news.length === 0) return;
    const text =
      'a source of accepted roots no longer has these; they stay accepted until acceptedRoots.reject names them';
    this.#options.logger.warn({ source: followed.source.name, roots: news }, text);
  }

  #merge(): void {
    const lists = [this.#fixed, ...this.#followed.map(({ roots }) => roots), this.#before];
    const merged = mergeRoots(lists, this.#options.rejected);
    // The same list as long as nothing has changed: who has looked at it knows.
    if (addedTo(this.#roots, merged).length + addedTo(merged, this.#roots).length > 0) this.#roots = merged;
    this.#options.metrics.accepted(this.#roots.length);
  }
}

function detailOf(error: unknown): string | undefined {
  return error instanceof LogError ? error.message : undefined;
}
