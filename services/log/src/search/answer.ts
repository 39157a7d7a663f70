import {
  type Checkpoint,
  decodeBase64Strict,
  type NoteVerifier,
  parseSignedCheckpoint,
  verifyNote,
} from '@sigstead/formats';
import { type TreeHasher, verifyInclusion } from '@sigstead/merkle';
import { identityKey } from '../core/ports.ts';
import { keysOfBody, searchableEntry } from '../core/rekor-v2/search-entry.ts';
import { type SearchableEntry, searchKey, type Sha256 } from '../core/rekor-v2/search-keys.ts';
import type { SearchQuery } from '../core/rekor-v2/search-query.ts';

/** An entry that holds what was asked for, and is in the tree of the answer's checkpoint. */
export interface FoundEntry {
  index: number;
  entry: SearchableEntry;
  /** As the log answered it. */
  json: unknown;
}

export interface ReadAnswer {
  entries: FoundEntry[];
  checkpoint: Checkpoint;
  /** Where the next page begins, and whether the log has more. */
  next: number;
  more: boolean;
  complete: boolean;
}

export interface AnswerRules {
  query: SearchQuery;
  hasher: TreeHasher;
  sha256: Sha256;
  /** Verifies the checkpoint of a log of that origin; undefined: it is taken as it is. */
  verifierFor: (origin: string) => NoteVerifier | undefined;
}

/** Reads an answer as a client that believes no server. Throws Error with what is wrong with it. SPEC: docs/specs/search.md, Answer */
export function readAnswer(bytes: Uint8Array, rules: AnswerRules): ReadAnswer {
  try {
    const answer = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>;
    const envelope = textAt(answer, 'checkpoint', 'envelope');
    const { checkpoint, note } = parseSignedCheckpoint(envelope);
    const verifier = rules.verifierFor(checkpoint.origin);
    if (verifier !== undefined) verifyNote(note, [verifier]);
    const hits = at(answer, 'hits');
    if (!Array.isArray(hits)) throw new Error('it has no list of hits');
    const entries = hits.map((hit: unknown) => foundEntry(hit, { ...rules, checkpoint, envelope }));
    const next = integerAt(answer, 'next');
    const more = answer['more'] === true;
    if (more && next <= rules.query.from) throw new Error('it leads nowhere: next is not beyond from');
    return { entries, checkpoint, next, more, complete: answer['complete'] === true };
  } catch (cause) {
    throw new Error(`the answer does not hold: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function foundEntry(hit: unknown, rules: AnswerRules & { checkpoint: Checkpoint; envelope: string }): FoundEntry {
  const { query, hasher, sha256, checkpoint } = rules;
  const index = integerAt(hit, 'logIndex');
  const leaf = decodeBase64Strict(textAt(hit, 'canonicalizedBody'));
  const hashes = at(hit, 'inclusionProof', 'hashes');
  if (!Array.isArray(hashes)) throw new Error(`entry ${index} has no proof`);
  if (textAt(hit, 'inclusionProof', 'checkpoint', 'envelope') !== rules.envelope) {
    throw new Error(`entry ${index} comes with another checkpoint`);
  }
  const proof = hashes.map((each: unknown) => decodeBase64Strict(String(each)));
  verifyInclusion({ hasher, index, size: checkpoint.size, leafHash: hasher.leaf(leaf), proof, root: checkpoint.root });
  const entry = searchableEntry(leaf);
  const held = new Set(keysOfBody(leaf, sha256).map(identityKey));
  const holds = query.terms.every((term) => held.has(identityKey(searchKey(term, sha256))));
  if (entry === undefined || !holds || index < query.from) throw new Error(`entry ${index} is none that was asked for`);
  return { index, entry, json: hit };
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (from, name) => (typeof from === 'object' && from !== null ? (from as Record<string, unknown>)[name] : undefined),
    value,
  );
}

function textAt(value: unknown, ...path: readonly string[]): string {
  const text = at(value, ...path);
  if (typeof text === 'string') return text;
  throw new Error(`it has no ${path.join('.')}`);
}

function integerAt(value: unknown, ...path: readonly string[]): number {
  const text = textAt(value, ...path);
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new Error(`${path.join('.')} is no whole number`);
}
