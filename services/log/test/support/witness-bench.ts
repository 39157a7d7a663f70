import { parseWitnessPolicy, type WitnessPolicy } from '@sigstead/formats';
import { signerFromPem } from '@sigstead/keys';
import { createMetrics, type Logger, silentLogger, systemClock } from '@sigstead/platform';
import { StoreError, type StoreErrorCode } from '../../src/core/errors.ts';
import type { Submission } from '../../src/core/ports.ts';
import { rekorV2Personality } from '../../src/core/rekor-v2/personality.ts';
import type { PublicationStore } from '../../src/core/witness/ports.ts';
import type { OpenLog } from '../../src/open-log.ts';
import { PostgresLease } from '../../src/store/lease.ts';
import { publicationStore } from '../../src/store/publications.ts';
import { waitFor } from '../../src/wait.ts';
import { WitnessAsker } from '../../src/witness/asker.ts';
import { WitnessLoop, type WitnessMode } from '../../src/witness/loop.ts';
import { witnessMetrics } from '../../src/witness/metrics.ts';
import { WitnessedPublication } from '../../src/witness/witnessed-publication.ts';
import { type FakeWitness, policyText } from './fake-witness.ts';
import { hasher, type OpenOptions, TEST_KEY_PEM, type TestLogs } from './test-log.ts';

export type PublicationStep = 'settle' | 'publish' | 'peek';

/** Strikes once: before the step happens, or after it has happened. */
export interface PublicationFault {
  step: PublicationStep;
  done: boolean;
  code: StoreErrorCode;
}

export interface WitnessBench {
  log: OpenLog;
  loop: WitnessLoop;
  arm(fault: PublicationFault): void;
  struck(): number;
  close(): Promise<void>;
}

export const personality = rekorV2Personality({ origin: 'log.test', signer: signerFromPem(TEST_KEY_PEM) });

/** Each text is an entry of its own. */
export function entry(value: string): Submission {
  const leaf = Buffer.from(value);
  return { identity: hasher.leaf(leaf), weight: leaf.length, leaf: () => ({ leaf, extra: new Uint8Array(0) }) };
}

/** A witnessed log of one process, whose publication store fails on request. */
export async function witnessBench(
  logs: TestLogs,
  options: {
    witness: FakeWitness;
    mode?: WitnessMode;
    logger?: Logger;
    open?: Pick<OpenOptions, 'reads' | 'cacheBytes'>;
  },
): Promise<WitnessBench> {
  const { witness, mode = 'fail-closed', logger = silentLogger } = options;
  const policy: WitnessPolicy = parseWitnessPolicy(policyText([witness], `quorum ${witness.name}`));
  const { connectionString } = logs.database;
  const real = publicationStore({ connectionString, pool: logs.pool, logId: 1, durable: false });
  const faulty = faultyPublications(real);
  const { store } = faulty;
  const metrics = witnessMetrics(createMetrics(), 'test');
  const common = { clock: systemClock, metrics, timeoutMs: 5_000, wait: waitFor };
  const closing = new AbortController();
  let loop: WitnessLoop | undefined;
  const log = await logs.open({
    personality,
    clock: systemClock,
    ...options.open,
    publication({ tree, reader, answers }) {
      const publication = new WitnessedPublication({
        store,
        tree,
        reader,
        answers,
        personality,
        logger,
        clock: systemClock,
        waitMs: 20_000,
        maxWaiting: 100,
        pollMs: 10,
        checkpointAgeMs: 0,
        quorumOnly: mode === 'fail-closed',
        onShown: () => undefined,
      });
      const asker = new WitnessAsker({
        ...common,
        witness: policy.witnesses[0]!,
        url: `${witness.url}/add-checkpoint`,
        fetch,
        closing: closing.signal,
        onObjection: () => undefined,
      });
      loop = new WitnessLoop({
        name: 'test',
        mode,
        policy,
        tree,
        tiles: answers.tiles,
        hasher,
        personality,
        publication,
        store,
        logger,
        ...common,
        closing,
        askers: [asker],
        pace: { intervalMs: 5, timeoutMs: 5_000, lookMs: 5, standbyMs: 20, retryMs: 5 },
        lease: new PostgresLease(connectionString),
      });
      return publication;
    },
  });
  loop!.start();
  return { log, loop: loop!, arm: faulty.arm, struck: faulty.struck, close: () => loop!.close() };
}

function faultyPublications(real: PublicationStore): {
  store: PublicationStore;
  arm: (fault: PublicationFault) => void;
  struck: () => number;
} {
  const armed: PublicationFault[] = [];
  let struck = 0;
  async function step<T>(name: PublicationStep, run: () => Promise<T>): Promise<T> {
    const at = armed.findIndex((fault) => fault.step === name);
    const [fault] = at === -1 ? [] : armed.splice(at, 1);
    if (fault === undefined) return run();
    struck += 1;
    if (fault.done) await run();
    throw new StoreError(fault.code, `injected: ${name} ${fault.done ? 'done' : 'not done'}`);
  }
  return {
    arm: (fault) => armed.push(fault),
    struck: () => struck,
    store: {
      ...real,
      peek: () => step('peek', () => real.peek()),
      settle: () => step('settle', () => real.settle()),
      publish: (wanted) => step('publish', () => real.publish(wanted)),
    },
  };
}
