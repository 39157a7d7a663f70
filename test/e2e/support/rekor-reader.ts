import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  noteVerifier,
  type NoteVerifier,
  parseSignedCheckpoint,
  publicKeyFromSpki,
  type VerificationModel,
  verifyNote,
} from '@sigstead/formats';
import {
  CompactRange,
  consistencyProof,
  createTreeHasher,
  entryBundlePath,
  type GetNode,
  nodeFromTiles,
  TileNodes,
  tilePath,
  tilesForSize,
  TILE_WIDTH,
  tileWidth,
  verifyConsistency,
  verifyInclusion,
} from '@sigstead/merkle';
import { sendOk } from './http.ts';
import type { LogEntry } from './signing.ts';

export const hasher = createTreeHasher((data) => createHash('sha256').update(data).digest());

/** A checkpoint whose signature by the published key was verified. */
export interface Head {
  readonly size: number;
  readonly root: Uint8Array;
}

/** Everything of a tree of one size, fetched from tiles and entry bundles. */
export interface FetchedTree extends Head {
  readonly entries: readonly Buffer[];
  readonly node: GetNode;
}

/** A monitor of the Rekor v2 log: believes only the published key and what it has computed itself. */
export class RekorReader {
  readonly #url: string;
  readonly #verifier: NoteVerifier;
  readonly #origin: string;

  constructor(url: string, trust: VerificationModel) {
    const [log] = trust.tlogs;
    assert.ok(log !== undefined, 'no log is published');
    this.#url = url;
    this.#origin = new URL(log.baseUrl).hostname;
    this.#verifier = noteVerifier(this.#origin, publicKeyFromSpki(log.spki));
  }

  /** Verifies a signed checkpoint. Throws. */
  open(envelope: string): Head {
    const { checkpoint, note } = parseSignedCheckpoint(envelope);
    verifyNote(note, [this.#verifier]);
    assert.equal(checkpoint.origin, this.#origin);
    return { size: checkpoint.size, root: checkpoint.root };
  }

  /** The newest checkpoint under one of its paths. */
  async head(path = '/checkpoint'): Promise<Head> {
    return this.open((await sendOk(`${this.#url}${path}`, 200)).bytes.toString('utf8'));
  }

  /** All tiles and entries of the tree under a head; the entries must lead to its root. */
  async fetch(head: Head): Promise<FetchedTree> {
    const tiles = new Map<string, TileNodes>();
    for (const { level, fullTiles, partialWidth } of tilesForSize(head.size)) {
      for (let index = 0; index < fullTiles + (partialWidth > 0 ? 1 : 0); index++) {
        const width = index < fullTiles ? TILE_WIDTH : partialWidth;
        tiles.set(`${level}/${index}`, TileNodes.from(hasher, await this.#get(tilePath({ level, index, width }))));
      }
    }
    const getTile = (level: number, index: number): TileNodes | undefined => tiles.get(`${level}/${index}`);
    const entries = await this.#entries(head.size);
    const range = CompactRange.empty(hasher);
    for (const entry of entries) range.append(hasher.leaf(entry));
    assert.deepEqual(Buffer.from(range.root()), Buffer.from(head.root), 'the entries lead to another root');
    return { ...head, entries, node: nodeFromTiles({ hasher, size: head.size, getTile }) };
  }

  async #entries(size: number): Promise<Buffer[]> {
    const entries: Buffer[] = [];
    for (let index = 0; index * TILE_WIDTH < size; index++) {
      const width = tileWidth({ level: 0, index }, size);
      const found = splitBundle(await this.#get(entryBundlePath({ index, width })));
      assert.equal(found.length, width);
      entries.push(...found);
    }
    return entries;
  }

  async #get(path: string): Promise<Buffer> {
    return (await sendOk(`${this.#url}/${path}`, 200)).bytes;
  }

  /** The answer to a signer holds by itself: signed checkpoint, and a proof that its body is in that tree. */
  checkAnswer(entry: LogEntry): Head {
    const { inclusionProof } = entry;
    const head = this.open(inclusionProof.checkpoint.envelope);
    assert.equal(inclusionProof.logIndex, entry.logIndex);
    assert.equal(inclusionProof.treeSize, String(head.size));
    assert.equal(inclusionProof.rootHash, Buffer.from(head.root).toString('base64'));
    verifyInclusion({
      hasher,
      index: Number(entry.logIndex),
      size: head.size,
      leafHash: hasher.leaf(bodyOf(entry)),
      proof: inclusionProof.hashes.map((hash) => Buffer.from(hash, 'base64')),
      root: head.root,
    });
    return head;
  }
}

export function bodyOf(entry: LogEntry): Buffer {
  return Buffer.from(entry.canonicalizedBody, 'base64');
}

/** Throws unless the older head is a prefix of the tree. */
export function checkPrefix(older: Head, tree: Head & { readonly node: GetNode }): void {
  verifyConsistency({
    hasher,
    size1: older.size,
    size2: tree.size,
    root1: older.root,
    root2: tree.root,
    proof: consistencyProof(older.size, tree.size, tree.node),
  });
}

/** SPEC: C2SP tlog-tiles, Log entries: each with a big-endian 16-bit length before it. */
export function splitBundle(bytes: Buffer): Buffer[] {
  const entries: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 + bytes.readUInt16BE(at);
    assert.ok(end <= bytes.length, 'an entry is cut off');
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return entries;
}
