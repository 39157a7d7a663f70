import type { GrownEdge, TreeEdge, TreeHasher } from '@sigstead/merkle';
import type { FullTile, Submission } from './ports.ts';
import { identityKey } from './ports.ts';
import type { LeafRecord } from './records.ts';

/** What becomes of one submission of a batch, in the batch's order. */
export type Verdict =
  | { kind: 'added'; index: number }
  | { kind: 'duplicate'; index: number }
  | { kind: 'failed'; error: unknown };

/** The decision about a batch: nothing in it is stored yet. `grown` is undefined when nothing is to be added. */
export interface BatchPlan {
  verdicts: Verdict[];
  grown: GrownEdge | undefined;
  records: LeafRecord[];
  leafHashes: Uint8Array[];
  identities: Uint8Array[];
  fullTiles: FullTile[];
  /** Of all records, in their order; undefined when one of them came without: a batch is found whole or not at all. */
  searchKeys: (readonly Uint8Array[])[] | undefined;
  /** Of all entries that are added, each once. */
  issuers: Uint8Array[];
}

/**
 * Decides which entries are new, gives them dense indexes from the edge's size on, and grows the edge. An entry whose
 * identity is known, or came earlier in the batch, is a duplicate of that index; one whose leaf() throws fails alone.
 */
export function planBatch(input: {
  hasher: TreeHasher;
  edge: TreeEdge;
  timestampMs: number;
  submissions: readonly Submission[];
  known: ReadonlyMap<string, number>;
}): BatchPlan {
  const { hasher, edge, timestampMs } = input;
  const seen = new Map(input.known);
  const plan: BatchPlan = {
    verdicts: [],
    grown: undefined,
    records: [],
    leafHashes: [],
    identities: [],
    fullTiles: [],
    searchKeys: [],
    issuers: [],
  };
  const issuers = new Map<string, Uint8Array>();
  for (const submission of input.submissions) {
    const key = identityKey(submission.identity);
    const known = seen.get(key);
    if (known !== undefined) {
      plan.verdicts.push({ kind: 'duplicate', index: known });
      continue;
    }
    const index = edge.size + plan.records.length;
    const made = makeLeaf(hasher, submission, { index, timestampMs });
    plan.verdicts.push(made.verdict);
    if (made.record === undefined) continue;
    seen.set(key, index);
    plan.records.push(made.record);
    plan.leafHashes.push(made.leafHash);
    plan.identities.push(submission.identity);
    if (submission.searchKeys === undefined) plan.searchKeys = undefined;
    else plan.searchKeys?.push(submission.searchKeys);
    for (const issuer of submission.issuers ?? []) issuers.set(identityKey(issuer), issuer);
  }
  plan.issuers = [...issuers.values()];
  if (plan.records.length > 0) {
    plan.grown = edge.append(plan.leafHashes);
    plan.fullTiles = plan.grown.fullTiles.map(toFullTile);
  }
  return plan;
}

type Made =
  | { verdict: Verdict; record: LeafRecord; leafHash: Uint8Array }
  | { verdict: Verdict; record: undefined; leafHash: undefined };

function makeLeaf(hasher: TreeHasher, submission: Submission, at: { index: number; timestampMs: number }): Made {
  try {
    const record = submission.leaf(at);
    return { verdict: { kind: 'added', index: at.index }, record, leafHash: hasher.leaf(record.leaf) };
  } catch (error) {
    return { verdict: { kind: 'failed', error }, record: undefined, leafHash: undefined };
  }
}

/** The rows of the tiles that a batch has filled. */
export function toFullTile(tile: GrownEdge['fullTiles'][number]): FullTile {
  return { level: tile.level, index: tile.index, hashes: tile.nodes.bytes(), root: tile.nodes.node(8, 0) };
}
