import type { Logger } from '@sigstead/platform';
import type { Failure } from '../../failure.ts';
import { BEAT_MS, PULSE_LIMITS, type PulseLimits } from './pulse.ts';

export interface CrewLimits extends PulseLimits {
  /** How often the first process looks for workers that are silent. */
  readonly lookMs: number;
  /** Pause before a worker is started again: doubles with every failure. */
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
  /** A worker that has served this long starts from the shortest pause again. */
  readonly settledMs: number;
  /**
   * When every worker has failed by itself this often in a row and none serves, the crew gives up. With the pauses of eight it
   * outlasts a database that is away for half a minute; being killed from outside is no failure.
   */
  readonly maxFailures: number;
  /** Longer than the services take to drain. */
  readonly stopMs: number;
}

export const CREW_LIMITS: CrewLimits = {
  ...PULSE_LIMITS,
  lookMs: BEAT_MS,
  firstPauseMs: 250,
  maxPauseMs: 30_000,
  settledMs: 60_000,
  maxFailures: 8,
  stopMs: 20_000,
};

export interface CrewOptions {
  /** How many serve. */
  readonly size: number;
  /** The configuration that every worker gets, also one that is started later. */
  readonly path: string;
  readonly text: string;
  /** Program and words that make a worker of a new process. */
  readonly exec: string;
  readonly args: readonly string[];
  readonly logger: Logger;
  readonly limits?: Partial<CrewLimits>;
}

/** Several processes that serve the same ports. */
export interface Crew {
  readonly addresses: readonly string[];
  /** Resolves when it is of no use to start workers again. */
  readonly lost: Promise<Failure>;
  /** Metrics of every worker that answers in time, each with its number as label. */
  metrics(): Promise<string[]>;
  /** Which workers serve right now, and how often one was started again. */
  status(): { serving: readonly boolean[]; restarts: number };
  /** All answer what is under way and end. Resolves with false when some had to be killed. */
  stop(): Promise<boolean>;
}
