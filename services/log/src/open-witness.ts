import { type PolicyWitness, quorumWitnesses, type WitnessPolicy } from '@sigstead/formats';
import type { TreeHasher } from '@sigstead/merkle';
import type { Logger, Pool } from '@sigstead/platform';
import type { Personality } from './core/ports.ts';
import type { OpenLogOptions } from './open-log.ts';
import type { LogOptions, LogSpec } from './options.ts';
import { misconfigured } from './specs.ts';
import { PostgresLease } from './store/lease.ts';
import { hasPublications, publicationStore } from './store/publications.ts';
import { WitnessAsker } from './witness/asker.ts';
import { WitnessLoop, type WitnessMode } from './witness/loop.ts';
import { witnessMetrics } from './witness/metrics.ts';
import { objectionHandler } from './witness/objections.ts';
import { WitnessedPublication } from './witness/witnessed-publication.ts';
import { waitFor } from './wait.ts';

/** How a log has its checkpoints witnessed before they are shown. */
export interface WitnessSpec {
  policy: WitnessPolicy;
  /** What becomes of a checkpoint without a quorum: shown all the same when the time is up, or not at all. Default fail-open. */
  mode?: WitnessMode;
  /** For a round, and for one question to one witness; ms. Default 1,000. */
  timeoutMs?: number;
  /** At least this long from the start of one round to the next, ms. Default 1,000. */
  intervalMs?: number;
  /** How long an answer waits for a checkpoint that holds its entry, ms. Default 4,000: clients give up at 5,000. */
  waitMs?: number;
}

/** Answers that may wait for a checkpoint at once: each is an entry that is in the log, and a connection. */
const MAX_WAITING = 4096;
const POLL_MS = 40;
const LOOK_MS = 50;
const STANDBY_MS = 500;
const RETRY_MS = 200;
const CHECKPOINT_AGE_MS = 500;

export interface Witnessing {
  /** For openLog(). */
  readonly publication: NonNullable<OpenLogOptions['publication']>;
  /** Once the log is open; the caller starts and closes it, before the log. */
  loop(): WitnessLoop;
}

/** Builds what witnesses a log, if anything does. Asks nobody before the loop is started. Throws `misconfigured`. */
export function openWitnessing(parts: {
  spec: LogSpec;
  logId: number;
  /** For looking; not owned. */
  pool: Pool;
  personality: Personality;
  hasher: TreeHasher;
  logger: Logger;
  options: LogOptions;
  /** Called when there is something newer to be shown. */
  onShown: () => void;
}): Witnessing | undefined {
  const { spec, personality, hasher, logger, options } = parts;
  const { clock, connectionString, sessions, requireDurableDatabase: durable = false } = options;
  if (spec.witness === undefined) return undefined;
  const { policy, mode = 'fail-open', timeoutMs = 1_000, intervalMs = 1_000, waitMs = 4_000 } = spec.witness;
  checkWitnessPolicy(spec, policy);
  const metrics = witnessMetrics(options.metrics, spec.name);
  let loop: WitnessLoop | undefined;
  return {
    publication({ tree, reader, answers }) {
      const { logId, pool } = parts;
      const { tiles } = answers;
      const store = publicationStore({
        connectionString,
        pool,
        logId,
        durable,
        ...(sessions === undefined ? {} : { limits: sessions }),
      });
      const publication = new WitnessedPublication({
        store,
        tree,
        reader,
        answers,
        personality,
        clock,
        logger,
        waitMs,
        maxWaiting: MAX_WAITING,
        pollMs: POLL_MS,
        checkpointAgeMs: options.checkpointAgeMs ?? CHECKPOINT_AGE_MS,
        quorumOnly: mode === 'fail-closed',
        onShown: parts.onShown,
      });
      const closing = new AbortController();
      const onObjection = objectionHandler({ store, tree, tiles, personality, clock, logger, metrics });
      const common = {
        fetch: options.fetch ?? fetch,
        clock,
        metrics,
        timeoutMs,
        wait: waitFor,
        closing: closing.signal,
        onObjection,
      };
      const askers = policy.witnesses.flatMap((each) =>
        each.url === undefined ? [] : new WitnessAsker({ ...common, witness: each, url: addCheckpointUrl(each) }),
      );
      loop = new WitnessLoop({
        name: spec.name,
        mode,
        policy,
        askers,
        tree,
        tiles,
        hasher,
        personality,
        publication,
        store,
        clock,
        logger,
        metrics,
        pace: { intervalMs, timeoutMs, lookMs: LOOK_MS, standbyMs: STANDBY_MS, retryMs: RETRY_MS },
        lease: new PostgresLease(connectionString),
        wait: waitFor,
        closing,
      });
      publication.reportTrouble = () => loop?.trouble();
      return publication;
    },
    loop() {
      if (loop === undefined) throw new TypeError('the log is not open yet');
      return loop;
    },
  };
}

/** Throws `misconfigured` for a policy by which this log could never be witnessed. */
export function checkWitnessPolicy(
  { name, kind, origin, signer, alsoSign = [] }: Pick<LogSpec, 'name' | 'kind' | 'origin' | 'signer' | 'alsoSign'>,
  policy: WitnessPolicy,
): void {
  if (kind !== 'rekor-v2')
    throw misconfigured(`log "${name}" cannot be witnessed: only Rekor v2 logs have room for it`);
  // A further signer may be the one that witnesses know the log by.
  const own = [{ signer, name: origin }, ...alsoSign];
  const isOurs = policy.logs.some(({ key }) =>
    own.some((each) => key.name === (each.name ?? origin) && Buffer.compare(key.key.spki, each.signer.spki) === 0),
  );
  if (policy.logs.length > 0 && !isOurs) {
    throw misconfigured(
      `the witness policy of log "${name}" names logs, but not this one: its origin ${origin} with its key`,
    );
  }
  for (const witness of quorumWitnesses(policy.quorum)) {
    if (witness.url === undefined) {
      throw misconfigured(
        `the witness policy of log "${name}" gives no URL for ${witness.name}, which the quorum counts on`,
      );
    }
  }
  for (const witness of policy.witnesses) if (witness.url !== undefined) addCheckpointUrl(witness);
}

/**
 * A log that has shown witnessed checkpoints is not served without: two processes would show different ones, and who turned
 * witnesses on again later would show an older one than before. Throws `misconfigured`.
 */
export async function checkUnwitnessed(pool: Pool, logId: number, name: string): Promise<void> {
  if (!(await hasPublications(pool, logId))) return;
  const text = `log "${name}" shows what its witnesses have cosigned, and would be served without them: keep its policy`;
  throw misconfigured(`${text}, or end it with one that says "quorum none"`);
}

/** The operator's address and no other: nothing that a witness says changes where questions go. */
function addCheckpointUrl({ name, url = '' }: PolicyWitness): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isPlain = parsed !== undefined && `${parsed.username}${parsed.password}${parsed.search}${parsed.hash}` === '';
  if (!isPlain || (parsed.protocol !== 'https:' && parsed.protocol !== 'http:')) {
    throw misconfigured(`${url} is no address of witness ${name}: wanted is http or https, a host and a path`);
  }
  return `${parsed.href.replace(/\/+$/, '')}/add-checkpoint`;
}
