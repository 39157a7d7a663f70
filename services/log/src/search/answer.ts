import {
  type Checkpoint,
  decodeBase64Strict,
  encodeBase64,
  type Note,
  type NoteVerifier,
  parseSignedCheckpoint,
  verifyNote,
} from '@sigstead/formats';
import { type TreeHasher, verifyInclusion } from '@sigstead/merkle';
import { identityKey } from '../core/ports.ts';
import { transparencyLogEntry } from '../core/rekor-v2/response.ts';
import { keysOfBody, searchableEntry } from '../core/rekor-v2/search-entry.ts';
import { type SearchableEntry, searchKey, type Sha256 } from '../core/rekor-v2/search-keys.ts';
import type { SearchQuery } from '../core/rekor-v2/search-query.ts';

/** An entry that holds what was asked for, and is in the tree of the answer's checkpoint. */
export interface FoundEntry {
  index: number;
  entry: SearchableEntry;
  /** As the log answers it, made of what was proven: nothing else that the server said is in it. */
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
    const tree = { checkpoint, note, envelope };
    const entries = hits.map((hit: unknown) => foundEntry(hit, { ...rules, ...tree }));
    const next = integerAt(answer, 'next');
    const isOrdered = entries.every(({ index }, i) => index > (entries[i - 1]?.index ?? -1) && index < next);
    if (!isOrdered) throw new Error('its hits are not in order, or not before next');
    const more = answer['more'] === true;
    if (more && next <= rules.query.from) throw new Error('it leads nowhere: next is not beyond from');
    return { entries, checkpoint, next, more, complete: answer['complete'] === true };
  } catch (cause) {
    throw new Error(`the answer does not hold: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

type HitRules = AnswerRules & { checkpoint: Checkpoint; note: Note; envelope: string };

function foundEntry(hit: unknown, rules: HitRules): FoundEntry {
  const { query, hasher, sha256, checkpoint, envelope } = rules;
  const index = integerAt(hit, 'logIndex');
  const leaf = decodeBase64Strict(textAt(hit, 'canonicalizedBody'));
  const hashes = at(hit, 'inclusionProof', 'hashes');
  if (!Array.isArray(hashes)) throw new Error(`entry ${index} has no proof`);
  if (textAt(hit, 'inclusionProof', 'checkpoint', 'envelope') !== envelope) {
    throw new Error(`entry ${index} comes with another checkpoint`);
  }
  const proof = hashes.map((each: unknown) => decodeBase64Strict(String(each)));
  verifyInclusion({ hasher, index, size: checkpoint.size, leafHash: hasher.leaf(leaf), proof, root: checkpoint.root });
  const entry = searchableEntry(leaf);
  const held = new Set(keysOfBody(leaf, sha256).map(identityKey));
  const holds = query.terms.every((term) => held.has(identityKey(searchKey(term, sha256))));
  if (entry === undefined || !holds || index < query.from) throw new Error(`entry ${index} is none that was asked for`);
  const { size, root } = checkpoint;
  const proven = { keyId: keyIdOf(hit, rules), index, size, root, proof, note: Buffer.from(envelope), leaf };
  return { index, entry, json: transparencyLogEntry(proven) };
}

/** The log's id, which begins with what stands on the signature line. */
function keyIdOf(hit: unknown, { checkpoint, note }: HitRules): Uint8Array {
  const keyId = decodeBase64Strict(textAt(hit, 'logId', 'keyId'));
  const isOfLog = note.signatures.some(
    ({ name, keyHash }) => name === checkpoint.origin && Buffer.compare(keyHash, keyId.subarray(0, 4)) === 0,
  );
  if (keyId.length !== 32 || !isOfLog) throw new Error(`the id of the log is ${encodeBase64(keyId)}`);
  return keyId;
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
