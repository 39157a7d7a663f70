import { fullTileCount, TILE_WIDTH, type TilePath, tilesForSize } from '@sigstead/merkle';

/** Tile levels that a tree can have: 2^53 entries fill seven. */
const LEVELS = 7;

/**
 * How many full ones of each kind are exported: bundles first, then tiles by level. What is counted here was written
 * durably, so an attempt that failed half-way goes on from there.
 */
export type Progress = number[];

/** What a target has when its checkpoint has `size`: all that is full, because it was written before the checkpoint. */
export function progressAt(size: number): Progress {
  const tiles = Array.from({ length: LEVELS }, (_, level) => fullTileCount(level, size));
  return [fullTileCount(0, size), ...tiles];
}

/** The `kind`s of Progress that a tree of `size` has full ones of, with their counts. */
export function fullCounts(size: number): { kind: number; count: number }[] {
  return progressAt(size).map((count, kind) => ({ kind, count }));
}

/** The full bundle (kind 0) or full tile (kind 1 and up: of level 0 and up) of an index. */
export function fullPath(kind: number, index: number): TilePath {
  if (kind === 0) return { kind: 'entries', index, width: TILE_WIDTH };
  return { kind: 'tile', level: kind - 1, index, width: TILE_WIDTH };
}

/** The partial bundle and the partial tiles of a tree of `size`. SPEC: C2SP tlog-tiles, Partial tiles */
export function partialPaths(size: number): TilePath[] {
  return tilesForSize(size).flatMap(({ level, fullTiles: index, partialWidth: width }): TilePath[] => {
    if (width === 0) return [];
    const tile: TilePath = { kind: 'tile', level, index, width };
    return level === 0 ? [{ kind: 'entries', index, width }, tile] : [tile];
  });
}
