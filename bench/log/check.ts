import { hash } from 'node:crypto';
import { type NoteVerifier, parseSignedCheckpoint, verifyNote } from '@sigstead/formats';
import { createTreeHasher, verifyInclusion } from '@sigstead/merkle';

export const hasher = createTreeHasher((data) => hash('sha256', data, 'buffer'));

/** A tree whose checkpoint's signature was verified. */
export interface Head {
  readonly size: number;
  readonly root: Uint8Array;
}

/** An entry that the log has acknowledged. */
export interface Acknowledged {
  readonly index: number;
  readonly leafHash: Uint8Array;
}

interface LogEntry {
  logIndex: string;
  canonicalizedBody: string;
  inclusionProof: {
    logIndex: string;
    treeSize: string;
    rootHash: string;
    hashes: string[];
    checkpoint: { envelope: string };
  };
}

/** Throws unless the checkpoint is of this log and signed by its key. */
export function openCheckpoint(envelope: string, verifier: NoteVerifier): Head {
  const { checkpoint, note } = parseSignedCheckpoint(envelope);
  verifyNote(note, [verifier]);
  if (checkpoint.origin !== verifier.name) throw new Error(`a checkpoint of ${checkpoint.origin}`);
  return { size: checkpoint.size, root: checkpoint.root };
}

/**
 * Throws unless an answer of 201 holds by itself: the entry is what was sent, byte for byte, and it is in the tree
 * under a signed checkpoint, at the index that is named.
 */
export function checkAnswer(answer: Uint8Array, expected: Uint8Array, verifier: NoteVerifier): Acknowledged {
  const entry = JSON.parse(Buffer.from(answer).toString('utf8')) as LogEntry;
  const proof = entry.inclusionProof;
  const body = Buffer.from(entry.canonicalizedBody, 'base64');
  if (!body.equals(expected)) throw new Error('the answer holds another entry than was sent');
  const head = openCheckpoint(proof.checkpoint.envelope, verifier);
  const agrees =
    proof.logIndex === entry.logIndex &&
    proof.treeSize === String(head.size) &&
    proof.rootHash === Buffer.from(head.root).toString('base64');
  if (!agrees) throw new Error('index, tree size or root differ from those of the checkpoint');
  const index = Number(entry.logIndex);
  const leafHash = hasher.leaf(body);
  const hashes = proof.hashes.map((each) => Buffer.from(each, 'base64'));
  verifyInclusion({ hasher, index, size: head.size, leafHash, proof: hashes, root: head.root });
  return { index, leafHash };
}
