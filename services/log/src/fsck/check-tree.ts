import type { Checkpoint } from '@sigstead/formats';
import { equalHashes, HASH_SIZE, TILE_WIDTH, tilePath, tilesForSize, type TreeHasher } from '@sigstead/merkle';
import { type CheckpointRules, readCheckpoint } from './checkpoint.ts';
import { type CheckedForm, checkOtherForms } from './other-forms.ts';
import { type HeldNote, HeldNotes } from './held-notes.ts';
import { inOrder } from './read-ahead.ts';
import { type FsckProgress, hex, MAX_PROBLEMS, type TreeCounts, type TreeProblem, type TreeReport } from './report.ts';
import { SourceError, type TreeSource } from './source.ts';
import { type FoundBundle, type FoundTile, StoredTree } from './stored-tree.ts';
import { TileBuilder, tileRoot } from './tile-builder.ts';
import { type Accounts, firstDifferingSlot, nameDifference, type Winner } from './verdicts.ts';

export interface CheckTreeOptions extends CheckpointRules {
  readonly source: TreeSource;
  readonly hasher: TreeHasher;
  /** Bundles that are read ahead, each with its tile. Memory is bounded by so many of the largest bundles. */
  readonly readAhead: number;
  /** Checkpoints of this log from elsewhere. */
  readonly notes?: readonly HeldNote[];
  readonly onProgress?: (progress: FsckProgress) => void;
}

/**
 * Derives the tree again from every entry of a published log and compares it with every tile and with the checkpoint.
 * Holds no more than the bundles read ahead and one open tile for each level. Never throws for anything a source can
 * do; reads only.
 */
export async function checkTree(options: CheckTreeOptions): Promise<TreeReport> {
  const { source } = options;
  const counts: TreeCounts = { entries: 0, bundles: 0, tiles: 0, olderForms: 0, notes: 0, bytes: 0 };
  const read = await readCheckpoint(source, options);
  const { checkpoint, signature } = read;
  const about = {
    source: source.name,
    signature,
    checked: counts,
    ...(checkpoint === undefined
      ? {}
      : { origin: checkpoint.origin, size: checkpoint.size, root: hex(checkpoint.root) }),
  };
  if (read.problem !== undefined) return { ...about, outcome: 'bad', complete: false, problems: [read.problem] };
  counts.bytes += read.bytes;
  const check = new TreeCheck(options, read.checkpoint, counts);
  const complete = await check.run();
  const { problems } = check;
  const isSound = complete && problems.length === 0;
  const outcome = !isSound ? 'bad' : read.checkpoint.size === 0 ? 'empty' : 'ok';
  return { ...about, outcome, complete, problems };
}

class TreeCheck {
  readonly problems: TreeProblem[] = [];
  readonly #options: CheckTreeOptions;
  readonly #checkpoint: Checkpoint;
  readonly #counts: TreeCounts;
  readonly #stored: StoredTree;
  readonly #builder: TileBuilder;

  constructor(options: CheckTreeOptions, checkpoint: Checkpoint, counts: TreeCounts) {
    this.#options = options;
    this.#checkpoint = checkpoint;
    this.#counts = counts;
    this.#stored = new StoredTree(options.source, checkpoint.size, counts);
    this.#builder = new TileBuilder(options.hasher, (tile) => this.#fullTile(tile));
  }

  /** Resolves with whether the check reached its end. */
  async run(): Promise<boolean> {
    try {
      const held = await this.#heldNotes();
      const complete = (await this.#bundles(held)) && (await this.#edge());
      if (complete) held.finish(this.#builder.size);
      this.problems.push(...held.problems);
      return complete;
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      this.problems.push({ code: error.code, resource: this.#options.source.name, text: error.message });
      return false;
    }
  }

  async #heldNotes(): Promise<HeldNotes> {
    const { source, notes = [], hasher } = this.#options;
    const all = [...((await source.notes?.()) ?? []), ...notes];
    this.#counts.notes = all.length;
    const held = new HeldNotes(all, { ...this.#options, origin: this.#checkpoint.origin }, hasher);
    held.at(this.#builder);
    return held;
  }

  async #bundles(held: HeldNotes): Promise<boolean> {
    const { size } = this.#checkpoint;
    const count = Math.ceil(size / TILE_WIDTH);
    const fetch = async (index: number): Promise<[FoundBundle, FoundTile]> =>
      Promise.all([this.#stored.bundle(index), this.#stored.tile(0, index)]);
    for await (const [index, [bundle, tile]] of inOrder(count, this.#options.readAhead, fetch)) {
      const leafTile = await this.#leafTile(index, bundle, tile);
      if (leafTile === undefined || this.problems.length >= MAX_PROBLEMS) return false;
      held.within(this.#builder, leafTile);
      await this.#builder.append(leafTile);
      held.at(this.#builder);
      this.#options.onProgress?.({ entries: this.#builder.size, total: size });
    }
    return true;
  }

  /** The leaf hashes to go on with; undefined when neither the bundle nor the tile has them. */
  async #leafTile(index: number, found: FoundBundle, tile: FoundTile): Promise<Uint8Array | undefined> {
    const derived = this.#hashEntries(found);
    if (tile.problem !== undefined) this.problems.push(tile.problem);
    else this.#counts.tiles += 1;
    if (derived === undefined || found.problem !== undefined || found.bundle.fault !== undefined) {
      this.#badBundle(index, found, derived, tile);
      return tile.bytes;
    }
    this.#counts.bundles += 1;
    this.#counts.entries += derived.length / HASH_SIZE;
    const width = derived.length / HASH_SIZE;
    await this.#otherForms({ kind: 'entries', index, width, bytes: found.bytes });
    if (tile.bytes === undefined) return derived;
    // The open tile at the end is judged together with those above it, when all of them are known.
    if (width < TILE_WIDTH) return derived;
    const accounts = { level: 0, index, tilePath: tile.path, bundlePath: found.path, derived, stored: tile.bytes };
    return this.#judgeFull(accounts);
  }

  #hashEntries(found: FoundBundle): Uint8Array | undefined {
    if (found.bundle === undefined) return undefined;
    const { entries } = found.bundle;
    const hashes = new Uint8Array(entries.length * HASH_SIZE);
    for (const [i, entry] of entries.entries()) hashes.set(this.#options.hasher.leaf(entry), i * HASH_SIZE);
    return hashes;
  }

  /** Names the first entry that is not what the tile says, or the place where the bundle's form breaks. */
  #badBundle(index: number, found: FoundBundle, derived: Uint8Array | undefined, tile: FoundTile): void {
    if (found.problem !== undefined) {
      this.problems.push({ ...found.problem, entry: index * TILE_WIDTH });
      return;
    }
    const { fault, entries } = found.bundle;
    const slot = tile.bytes === undefined ? undefined : firstDifferingSlot(derived ?? new Uint8Array(0), tile.bytes);
    if (slot === undefined || derived === undefined || tile.bytes === undefined) {
      const entry = index * TILE_WIDTH + entries.length;
      const text = `${found.path}: ${fault ?? 'malformed'} (at entry ${entry})`;
      this.problems.push({ code: 'malformed', resource: found.path, entry, slot: entries.length, text });
      return;
    }
    const accounts = { level: 0, index, tilePath: tile.path, bundlePath: found.path, derived, stored: tile.bytes };
    const named = nameDifference(accounts, slot, 'stored');
    this.problems.push({ ...named, text: `${named.text}; ${fault ?? ''}` });
  }

  async #fullTile(tile: { level: number; index: number; bytes: Uint8Array }): Promise<Uint8Array> {
    const { level, index, bytes } = tile;
    const stored = await this.#stored.tile(level, index);
    if (stored.problem !== undefined) {
      this.problems.push(stored.problem);
      return bytes;
    }
    this.#counts.tiles += 1;
    return this.#judgeFull({ level, index, tilePath: stored.path, derived: bytes, stored: stored.bytes });
  }

  /** The hashes to go on with: those that the tile above confirms, so that one fault is told once. */
  async #judgeFull(accounts: Accounts): Promise<Uint8Array> {
    const { level, index, derived, stored } = accounts;
    const slot = firstDifferingSlot(derived, stored);
    let winner: Winner = 'derived';
    if (slot !== undefined) {
      winner = await this.#winner(accounts);
      this.problems.push(nameDifference(accounts, slot, winner));
    }
    const accepted = winner === 'stored' ? stored : derived;
    await this.#otherForms({ kind: level, index, width: TILE_WIDTH, bytes: accepted });
    return accepted;
  }

  async #winner({ level, index, derived, stored }: Accounts): Promise<Winner> {
    const { hasher } = this.#options;
    const claim = await this.#stored.claim(level, index);
    if (claim === undefined) return 'neither';
    if (equalHashes(claim, tileRoot(hasher, stored))) return 'stored';
    return equalHashes(claim, tileRoot(hasher, derived)) ? 'derived' : 'neither';
  }

  /** The partial tiles of every level, and the root. */
  async #edge(): Promise<boolean> {
    const { size, root } = this.#checkpoint;
    const instead = new Map<number, Uint8Array>();
    for (const { level, fullTiles, partialWidth } of tilesForSize(size)) {
      if (partialWidth > 0) await this.#partialTile({ level, index: fullTiles, width: partialWidth }, instead);
    }
    const derived = this.#builder.root(instead);
    if (!equalHashes(derived, root)) {
      const text = `the entries and tiles of size ${size} make the root ${hex(derived)}, the checkpoint has ${hex(root)}`;
      this.problems.push({ code: 'root', resource: 'checkpoint', expected: hex(derived), found: hex(root), text });
    }
    return true;
  }

  async #partialTile(
    place: { level: number; index: number; width: number },
    instead: Map<number, Uint8Array>,
  ): Promise<void> {
    const { level, index } = place;
    const derived = this.#builder.partial(level);
    const found = await this.#stored.tile(level, index);
    if (found.problem !== undefined) {
      // Of level 0 it was told with its bundle.
      if (level > 0) this.problems.push(found.problem);
      return;
    }
    if (level > 0) this.#counts.tiles += 1;
    const slot = firstDifferingSlot(derived, found.bytes);
    if (slot !== undefined) {
      const bundlePath = tilePath(place).replace('tile/0/', 'tile/entries/');
      const accounts = { level, index, tilePath: found.path, bundlePath, derived, stored: found.bytes };
      const winner = this.#edgeWinner(accounts, instead);
      if (winner === 'stored') instead.set(level, found.bytes);
      this.problems.push(nameDifference(accounts, slot, winner));
    }
    await this.#otherForms({ kind: level, index, width: place.width, bytes: instead.get(level) ?? derived });
  }

  #edgeWinner({ level, stored }: Accounts, instead: ReadonlyMap<number, Uint8Array>): Winner {
    const { root } = this.#checkpoint;
    if (equalHashes(this.#builder.root(instead), root)) return 'derived';
    return equalHashes(this.#builder.root(new Map([...instead, [level, stored]])), root) ? 'stored' : 'neither';
  }

  async #otherForms(form: CheckedForm): Promise<void> {
    this.problems.push(...(await checkOtherForms(this.#options.source, form, this.#counts)));
  }
}
