import type { Clock, Logger } from '@sigstead/platform';
import { judgeClaimedSize, judgeForeignHead } from '../core/foreign-head.ts';
import type { Personality } from '../core/ports.ts';
import type { PublicationStore } from '../core/witness/ports.ts';
import type { Tree } from '../engine/tree.ts';
import type { TileSource } from '../read/tile-source.ts';
import type { Objection } from './asker.ts';
import type { WitnessMetrics } from './metrics.ts';

/** The same witness is not told of more often, ms. */
const QUIET_MS = 60_000;

export interface ObjectionDependencies {
  store: Pick<PublicationStore, 'keep'>;
  tree: Tree;
  tiles: TileSource;
  personality: Personality;
  clock: Clock;
  logger: Logger;
  metrics: Pick<WitnessMetrics, 'evidence'>;
}

/**
 * What is done about a witness that contradicts the log: somebody is alarmed, and what it said is kept as it came. A
 * witness's word never stops the log; our own signature over a tree that we do not have, in what it said, does.
 */
export function objectionHandler(deps: ObjectionDependencies): (objection: Objection) => void {
  const told = new Map<string, number>();
  return (objection) => {
    handle(deps, objection, told).catch((error: unknown) =>
      deps.logger.error({ error, witness: objection.witness }, 'what a witness says against the log cannot be judged'),
    );
  };
}

async function handle(deps: ObjectionDependencies, objection: Objection, told: Map<string, number>): Promise<void> {
  const { tree, clock, logger, metrics, store } = deps;
  const { witness, target, answer, claimedSize } = objection;
  // Another process may have had a newer head witnessed than this one knew.
  await tree.catchUp();
  const claim = claimedSize === undefined ? undefined : judgeClaimedSize(claimedSize, tree.known.head);
  if (claim?.kind === 'consistent') return;
  metrics.evidence(witness);
  const detail = claim?.detail ?? objection.detail;
  const nowMs = clock.nowMs();
  await judgeOwnSignature(deps, answer);
  // Told before it is stored: the database may be away.
  if (nowMs - (told.get(witness) ?? Number.NEGATIVE_INFINITY) >= QUIET_MS) {
    told.set(witness, nowMs);
    logger.error({ witness, detail }, 'a witness contradicts this log: somebody has to look (docs/witnessing.md)');
  }
  await store.keep({ witness, detail, checkpoint: target.note, answer, timestampMs: nowMs });
}

/** Some witnesses send the checkpoint that they hold. Only one that we signed proves anything. */
async function judgeOwnSignature(
  { tree, tiles, personality }: ObjectionDependencies,
  answer: Uint8Array,
): Promise<void> {
  const { head, edge } = tree.known;
  const verdict = await judgeForeignHead(answer, {
    head,
    rootAt: (size) => tiles.rootAt(edge, size),
    openHead: (note) => personality.openHead(note),
  });
  if (verdict.kind === 'halt') tree.halt(verdict.error);
}
