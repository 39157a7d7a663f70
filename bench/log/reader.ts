import { setTimeout as wait } from 'node:timers/promises';
import type { NoteVerifier } from '@sigstead/formats';
import {
  entryBundlePath,
  inclusionProof,
  nodeFromTiles,
  TILE_WIDTH,
  TileNodes,
  tilePath,
  tilesForInclusion,
  tileWidth,
  verifyInclusion,
} from '@sigstead/merkle';
import { type Acknowledged, type Head, hasher, openCheckpoint } from './check.ts';
import { Connection, getRequest, type Target } from './connection.ts';
import { Histogram } from './histogram.ts';

/** A reader begins a read at most this often, so that readers are a load of known size. */
const READ_EVERY_MS = 50;
/** Every so many reads the whole entry bundle is fetched too, and the entry hashed. */
const BUNDLE_EVERY = 16;
const KEPT = 1000;

/** What readers saw. Times in ms, from the request for the checkpoint to the verified proof. */
export interface ReadReport {
  readonly reads: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly faults: readonly string[];
}

/**
 * Clients that look for entries the log has acknowledged: each read fetches the newest checkpoint, then the tiles
 * between the entry and its root, makes the proof and verifies it. The newest checkpoint never has fewer entries than
 * one seen before, and holds every acknowledged one.
 */
export class Readers {
  readonly #target: Target;
  readonly #verifier: NoteVerifier;
  readonly #times = new Histogram();
  readonly #faults: string[] = [];
  readonly #known: Acknowledged[] = [];
  #added = 0;
  #largest = 0;
  #reads = 0;
  #stopping = false;
  #loops: Promise<void>[] = [];

  constructor(options: { target: Target; verifier: NoteVerifier }) {
    this.#target = options.target;
    this.#verifier = options.verifier;
  }

  /** An entry to look for; the last thousand are kept. */
  acknowledged(entry: Acknowledged): void {
    this.#known[this.#added++ % KEPT] = entry;
  }

  start(count: number): void {
    this.#loops = Array.from({ length: count }, () => this.#loop());
  }

  /** Lets reads under way end. */
  async stop(): Promise<ReadReport> {
    this.#stopping = true;
    await Promise.all(this.#loops);
    const times = this.#times;
    return { reads: times.count, p50Ms: times.quantileMs(0.5), p99Ms: times.quantileMs(0.99), faults: this.#faults };
  }

  async #loop(): Promise<void> {
    const connection = new Connection(this.#target);
    // Also in a run shorter than a read, each looks at least once, if there is anything to look for.
    for (let tries = 0; !this.#stopping || (tries === 0 && this.#known.length > 0); ) {
      const startMs = performance.now();
      const entry = this.#known[Math.floor(Math.random() * this.#known.length)];
      if (entry !== undefined) {
        tries += 1;
        await this.#timed(connection, entry, startMs);
      }
      if (!this.#stopping) await wait(Math.max(0, READ_EVERY_MS - (performance.now() - startMs)));
    }
    connection.close();
  }

  async #timed(connection: Connection, entry: Acknowledged, startMs: number): Promise<void> {
    try {
      await this.read(connection, entry);
      this.#times.record(performance.now() - startMs);
    } catch (error) {
      this.#faults.push(`read of index ${entry.index}: ${error instanceof Error ? error.message : String(error)}`);
      this.#stopping = true;
    }
  }

  /** One read. Throws when the newest checkpoint and the tiles do not prove the entry. */
  async read(connection: Connection, { index, leafHash }: Acknowledged): Promise<void> {
    const least = this.#largest;
    const head = openCheckpoint((await this.#get(connection, '/checkpoint')).toString('utf8'), this.#verifier);
    if (head.size < least) throw new Error(`the checkpoint went back from ${least} to ${head.size}`);
    if (index >= head.size) throw new Error(`the newest checkpoint has ${head.size} entries only`);
    this.#largest = Math.max(this.#largest, head.size);
    const tiles = new Map<string, TileNodes>();
    for (const tile of tilesForInclusion(head.size, index)) {
      tiles.set(
        `${tile.level}/${tile.index}`,
        TileNodes.from(hasher, await this.#get(connection, `/${tilePath(tile)}`)),
      );
    }
    const getTile = (level: number, at: number): TileNodes | undefined => tiles.get(`${level}/${at}`);
    const proof = inclusionProof(head.size, index, nodeFromTiles({ hasher, size: head.size, getTile }));
    verifyInclusion({ hasher, index, size: head.size, leafHash, proof, root: head.root });
    if (this.#reads++ % BUNDLE_EVERY === 0) await this.#checkBundle(connection, head, { index, leafHash });
  }

  async #checkBundle(connection: Connection, head: Head, { index, leafHash }: Acknowledged): Promise<void> {
    const bundle = Math.floor(index / TILE_WIDTH);
    const width = tileWidth({ level: 0, index: bundle }, head.size);
    const bytes = await this.#get(connection, `/${entryBundlePath({ index: bundle, width })}`);
    const found = hasher.leaf(entryOf(bytes, index % TILE_WIDTH));
    if (!Buffer.from(found).equals(leafHash)) throw new Error('the bundle holds another entry');
  }

  async #get(connection: Connection, path: string): Promise<Buffer> {
    const answer = await connection.request(getRequest(this.#target, path));
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`);
    return answer.body;
  }
}

/** SPEC: C2SP tlog-tiles, Log entries: each with a big-endian 16-bit length before it. */
export function entryOf(bundle: Buffer, position: number): Buffer {
  let at = 0;
  for (let i = 0; i < position; i++) at += 2 + bundle.readUInt16BE(at);
  return bundle.subarray(at + 2, at + 2 + bundle.readUInt16BE(at));
}
