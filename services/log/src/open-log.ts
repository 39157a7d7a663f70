import type { TreeHasher } from '@sigstead/merkle';
import type { Clock, Logger } from '@sigstead/platform';
import type { LogStore, MarkStore, Personality } from './core/ports.ts';
import { ENGINE_LIMITS, type EngineLimits, signingInTime } from './engine/bounded.ts';
import type { QueueLimits } from './engine/queue.ts';
import { type EngineMetrics, Sequencer } from './engine/sequencer.ts';
import { Tree } from './engine/tree.ts';
import { openReads, type ReadOptions } from './open-reads.ts';
import type { AnswerReads } from './read/answers.ts';
import type { EntrySource } from './read/entry-source.ts';
import type { LogReader } from './read/log-reader.ts';
import { plainPublication, type Publication } from './publication.ts';
import { changeState, type StateChange } from './life/change-state.ts';
import { Watch } from './life/watch.ts';
import type { LifeState } from './core/life.ts';
import { TileSource } from './read/tile-source.ts';

/** One running log: what the http rooms work with. */
export interface OpenLog {
  readonly name: string;
  readonly tree: Tree;
  readonly sequencer: Sequencer;
  readonly tiles: TileSource;
  readonly entries: EntrySource;
  readonly reader: LogReader;
  /** What of the tree is shown, and what answers about entries are made of. */
  readonly publication: Publication;
  readonly store: LogStore;
  readonly hasher: TreeHasher;
  /** Why mark and database could not be compared a moment ago, or why entries get nowhere, for readiness. */
  readonly trouble: () => string | undefined;
  /** See life/change-state.ts: for a process that takes no entries. */
  changeState(state: LifeState): Promise<StateChange>;
  /** Answers everything that was taken, then gives the sessions back. */
  close(): Promise<void>;
}

export interface OpenLogOptions {
  name: string;
  hasher: TreeHasher;
  /** Owned from here on: closed with the log. */
  store: LogStore;
  personality: Personality;
  mark?: MarkStore;
  /** See LogSpec. */
  newMark?: { atLeast: number };
  /** Compares mark and database so often, in ms, also while nobody asks; default never. */
  watchMs?: number;
  clock: Clock;
  logger: Logger;
  metrics: EngineMetrics;
  pause?: (ms: number) => Promise<void>;
  /** Called when a batch of this process has been published. */
  onPublished?: () => void;
  limits?: QueueLimits;
  /** How long a signer, a mark or a batch may keep others waiting; those not named are ENGINE_LIMITS. */
  engineLimits?: Partial<EngineLimits>;
  /** Bytes of tiles and of entries kept in memory, each. */
  cacheBytes?: number;
  /** See LogOptions. */
  checkpointAgeMs?: number;
  reads?: ReadOptions;
  /** For logs whose checkpoints are witnessed before they are shown. Default: what is published in the tree is shown. */
  publication?: (log: { tree: Tree; reader: LogReader; answers: AnswerReads }) => Publication;
}

/** For comparing marks: apart from the memory and the connections that answering readers uses up. */
const TREE_TILES_BYTES = 2 * 2 ** 20;

const CACHE_BYTES = 32 * 2 ** 20;

/** Opens an existing log: its settled head is read and proven before anything is served. Throws as Tree.open(). */
export async function openLog(options: OpenLogOptions): Promise<OpenLog> {
  const { hasher, store, logger, clock, metrics } = options;
  const { signMs, markMs, answerMs } = { ...ENGINE_LIMITS, ...options.engineLimits };
  const personality = signingInTime(options.personality, signMs);
  const budgetBytes = options.cacheBytes ?? CACHE_BYTES;
  const tiles = new TileSource({ hasher, store, budgetBytes: TREE_TILES_BYTES });
  const { mark, newMark, watchMs } = options;
  const tree = await Tree.open({
    hasher,
    store,
    personality,
    tiles,
    mark,
    markMs,
    logger,
    ...(newMark === undefined ? {} : { newMark }),
  }).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  const { name, reads = {}, checkpointAgeMs } = options;
  const read = openReads({
    name,
    hasher,
    personality,
    tree,
    reads,
    store,
    clock,
    logger,
    budgetBytes,
    checkpointAgeMs,
    isWitnessed: options.publication !== undefined,
  });
  const pause = options.pause ?? pauseFor;
  const watch = watchMs === undefined ? undefined : new Watch({ tree, logger, everyMs: watchMs });
  watch?.start();
  const sequencer = new Sequencer({
    hasher,
    store,
    personality,
    tree,
    clock,
    logger,
    metrics,
    pause,
    answerMs,
    onPublished: (firstIndex, records, fullTiles) => {
      read.offer(firstIndex, records, fullTiles);
      options.onPublished?.();
    },
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  return {
    name,
    tree,
    sequencer,
    tiles: read.tiles,
    entries: read.entries,
    reader: read.reader,
    publication: (options.publication ?? plainPublication)({ tree, reader: read.reader, answers: read.answers }),
    store,
    hasher,
    trouble: () => watch?.trouble ?? sequencer.trouble(),
    changeState: (state) => changeState({ store, tree, personality, clock, logger, pause }, state),
    async close() {
      await Promise.all([sequencer.close(), watch?.close()]);
      await store.close();
    },
  };
}

function pauseFor(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
