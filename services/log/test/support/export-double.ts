import assert from 'node:assert/strict';
import {
  parseTilePath,
  type PlacedTile,
  type TileNodes,
  tilesForSize,
  tilePath,
  entryBundlePath,
  TreeEdge,
} from '@sigstead/merkle';
import type { HeadClaim, Personality } from '../../src/core/ports.ts';
import type { LogState } from '../../src/core/state.ts';
import { type ExportObject, type ObjectStore, ObjectStoreError } from '../../src/export/object-store.ts';
import type { Lease } from '../../src/export/lease.ts';
import type { ExportSource } from '../../src/export/source.ts';
import { hasher, sha256, textPersonality } from './test-log.ts';

/** Leaf i of every log here is the decimal text of i, unless `text` says otherwise. */
export interface MemoryLog {
  source: ExportSource;
  /** Grows the tree and publishes it. */
  grow(size: number): Promise<LogState>;
  /** Another process's view: shows what was published up to now, until it catches up. */
  lagging(): ExportSource;
  states: LogState[];
  personality: Personality;
  leaf: (index: number) => Uint8Array;
  /** Signs the newest head again. */
  signAgain(): Promise<void>;
}

/** A log whose tree is in memory; notes are signed with the test key. */
export async function memoryLog(text: (index: number) => string = String): Promise<MemoryLog> {
  const personality = textPersonality();
  const tiles = new Map<string, TileNodes>();
  const leaf = (index: number): Uint8Array => Buffer.from(text(index));
  let timestampMs = 1;
  const sign = async (edge: TreeEdge): Promise<LogState> => {
    const claim: HeadClaim = { size: edge.size, root: edge.root(), timestampMs: timestampMs++ };
    return { edge, head: { ...claim, note: await personality.signHead(claim), ordinal: 0 } };
  };
  const states = [await sign(TreeEdge.empty(hasher))];
  const newest = (): LogState => states.at(-1)!;
  const common = {
    hasher,
    halted: () => false,
    openHead: (note: Uint8Array) => personality.openHead(note),
    tile: (edge: TreeEdge, level: number, index: number) => {
      const partial = edge.partial(level);
      return Promise.resolve(partial?.index === index ? partial.nodes : tiles.get(`${level}/${index}`));
    },
    records: (_edge: TreeEdge, index: number, width: number) =>
      Promise.resolve(
        Array.from({ length: width }, (_, i) => ({ leaf: leaf(index * 256 + i), extra: new Uint8Array() })),
      ),
    rootAt: (_edge: TreeEdge, size: number) => Promise.resolve(naiveRoot(size, leaf)),
  };
  return {
    personality,
    states,
    leaf,
    source: {
      ...common,
      published: newest,
      tree: newest,
      catchUp: () => Promise.resolve(),
      catchUpIfBehind: () => Promise.resolve(),
    },
    lagging() {
      let seen = newest();
      const look = (): Promise<void> => {
        seen = newest();
        return Promise.resolve();
      };
      return {
        ...common,
        published: () => seen,
        tree: () => seen,
        catchUp: look,
        catchUpIfBehind: () => Promise.resolve(),
      };
    },
    async grow(size) {
      const { edge } = newest();
      const leaves = Array.from({ length: size - edge.size }, (_, i) => hasher.leaf(leaf(edge.size + i)));
      const grown = edge.append(leaves);
      grown.fullTiles.forEach((tile: PlacedTile) => tiles.set(`${tile.level}/${tile.index}`, tile.nodes));
      states.push(await sign(grown.edge));
      return newest();
    },
    async signAgain() {
      states.push(await sign(newest().edge));
    },
  };
}

/** The tree of RFC 6962 §2.1 over whole slices: nothing of the code under test. */
export function naiveRoot(size: number, leaf: (index: number) => Uint8Array): Uint8Array {
  const root = (begin: number, end: number): Uint8Array => {
    if (end === begin) return sha256(new Uint8Array());
    if (end === begin + 1) return hasher.leaf(leaf(begin));
    let split = 1;
    while (split * 2 < end - begin) split *= 2;
    return hasher.node(root(begin, begin + split), root(begin + split, end)).slice();
  };
  return root(0, size);
}

/** All that a folder must hold to serve the tree of `size`, by name: derived from the leaves level by level. */
export function expectedResources(size: number, leaf: (index: number) => Uint8Array): Map<string, Buffer> {
  const expected = new Map<string, Buffer>();
  const leaves = Array.from({ length: size }, (_, i) => Buffer.from(leaf(i)));
  for (const [index, group] of inGroups(leaves)) {
    const framed = group.flatMap((each) => [Buffer.from([each.length >> 8, each.length & 255]), each]);
    expected.set(entryBundlePath({ index, width: group.length }), Buffer.concat(framed));
  }
  let row: Buffer[] = leaves.map((each) => Buffer.from(hasher.leaf(each)));
  for (let level = 0; row.length > 0; level++) {
    const groups = inGroups(row);
    for (const [index, group] of groups) {
      expected.set(tilePath({ level, index, width: group.length }), Buffer.concat(group));
    }
    row = groups.filter(([, group]) => group.length === 256).map(([, group]) => halves(group));
  }
  assert.equal(
    expected.size,
    tilesForSize(size).reduce((sum, each, i) => sum + count(each) * (i === 0 ? 2 : 1), 0),
  );
  return expected;
}

const count = (level: { fullTiles: number; partialWidth: number }): number =>
  level.fullTiles + (level.partialWidth > 0 ? 1 : 0);

function inGroups<T>(items: readonly T[]): [number, T[]][] {
  const groups = Math.ceil(items.length / 256);
  return Array.from({ length: groups }, (_, i) => [i, items.slice(i * 256, i * 256 + 256)]);
}

function halves(hashes: readonly Buffer[]): Buffer {
  if (hashes.length === 1) return hashes[0]!;
  const middle = hashes.length / 2;
  return Buffer.from(hasher.node(halves(hashes.slice(0, middle)), halves(hashes.slice(middle))));
}

/** The lease of a process that has no other beside it. */
export const aloneLease: Lease = {
  hold: () => Promise.resolve(true),
  release: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

/** What went wrong with an operation, before or after it was done. `dead`: nothing is done any more. */
export type TargetFault = { at: number; done: boolean; dead: boolean };

/**
 * A target that polices the order of an export: nothing is ever changed but the checkpoint; that only grows; and when it is
 * written, all that its tree has stands there with the right bytes.
 */
export class PolicingTarget {
  readonly objects = new Map<string, { bytes: Buffer; cacheControl: string }>();
  readonly log: MemoryLog;
  writes = 0;

  constructor(log: MemoryLog) {
    this.log = log;
  }

  /** Sizes of the checkpoints that stood there, in their order. */
  readonly shown: number[] = [];

  /** One process's way to the target; its fault strikes at one of its own operations. */
  open(fault?: TargetFault): ObjectStore & { operations: () => number } {
    let operations = 0;
    let dead = false;
    const step = async <T>(run: () => T): Promise<T> => {
      // Lets others come between, in an order that the operations themselves decide.
      await new Promise((resolve) => setImmediate(resolve));
      if (dead) throw new ObjectStoreError('unavailable', 'dead');
      if (operations++ !== fault?.at) return run();
      dead = fault.dead;
      if (fault.done) run();
      throw new ObjectStoreError('unavailable', `injected at ${fault.at}`);
    };
    return {
      operations: () => operations,
      createOnly: (name, object) => step(() => this.#create(name, object)),
      replaceIf: (name, object, previous) => step(() => this.#replace(name, object, previous)),
      get: (name) => step(() => this.#read(name)),
      removeFolder: (folder) => step(() => this.#removeFolder(folder)),
      tidy: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
  }

  /** Everything that stands there but the checkpoint and superseded partial ones equals what the tree must have. */
  checkComplete(size: number): void {
    for (const [name, bytes] of expectedResources(size, this.log.leaf)) {
      assert.deepEqual(this.objects.get(name)?.bytes, bytes, `${name} at size ${size}`);
    }
  }

  #create(name: string, object: ExportObject): 'created' | 'same' | 'different' {
    const path = parseTilePath(name);
    assert.notEqual(path, undefined, name);
    const long = path?.width === 256;
    assert.equal(object.cacheControl.includes('immutable'), long, name);
    const there = this.objects.get(name);
    if (there !== undefined) return there.bytes.equals(object.bytes) ? 'same' : 'different';
    this.writes += 1;
    this.objects.set(name, { bytes: Buffer.from(object.bytes), cacheControl: object.cacheControl });
    return 'created';
  }

  /** Only partial ones go, and only where the full one stands and the checkpoint covers it. */
  #removeFolder(folder: string): number {
    const full = folder.replace(/\.p$/, '');
    assert.notEqual(full, folder);
    assert.ok(this.objects.has(full), `${full} is not there`);
    const covered = expectedResources(this.shown.at(-1) ?? 0, this.log.leaf);
    assert.ok(covered.has(full), `${full} is not covered`);
    const names = [...this.objects.keys()].filter((name) => name.startsWith(`${folder}/`));
    for (const name of names) this.objects.delete(name);
    return names.length;
  }

  /** What an export keeps for itself: any content, by compare and swap. */
  #replaceOwn(name: string, object: ExportObject, previous: string | undefined): { tag: string } | 'lost' {
    const there = this.#read(name);
    if (there?.tag !== previous) return 'lost';
    this.objects.set(name, { bytes: Buffer.from(object.bytes), cacheControl: object.cacheControl });
    return { tag: tagOf(object.bytes) };
  }

  #replace(name: string, object: ExportObject, previous: string | undefined): { tag: string } | 'lost' {
    if (name.startsWith('.export/')) return this.#replaceOwn(name, object, previous);
    assert.equal(name, 'checkpoint');
    assert.equal(object.cacheControl, 'no-cache');
    const there = this.#read(name);
    if (there !== undefined && Buffer.from(there.bytes).equals(object.bytes)) return { tag: there.tag };
    if (there?.tag !== previous) return 'lost';
    const { size, root } = this.log.personality.openHead(object.bytes);
    assert.deepEqual(Buffer.from(root), Buffer.from(naiveRoot(size, this.log.leaf)));
    assert.ok(size >= (this.shown.at(-1) ?? 0), `checkpoint goes back to ${size}`);
    this.checkComplete(size);
    this.shown.push(size);
    this.objects.set(name, { bytes: Buffer.from(object.bytes), cacheControl: object.cacheControl });
    return { tag: tagOf(object.bytes) };
  }

  #read(name: string): { bytes: Uint8Array; tag: string } | undefined {
    const there = this.objects.get(name);
    return there === undefined ? undefined : { bytes: there.bytes, tag: tagOf(there.bytes) };
  }
}

const tagOf = (bytes: Uint8Array): string => Buffer.from(sha256(bytes)).toString('hex');
