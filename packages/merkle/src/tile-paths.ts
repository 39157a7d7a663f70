import { MerkleError } from './errors.ts';
import { checkTileIndex, checkTileLevel, MAX_TILE_LEVEL, TILE_WIDTH, type TileId } from './tiles.ts';

/** What a path names: a tile of hashes or a bundle of entries. Width 256 is the full one, without `.p/`. */
export type TilePath = ({ kind: 'tile' } & TileId) | { kind: 'entries'; index: number; width: number };

/**
 * `tile/<L>/<N>[.p/<W>]`. SPEC: C2SP tlog-tiles, Merkle tree. Throws `bad_tile_coordinate` unless level is 0 to 63,
 * index a safe integer and width 1 to 256.
 */
export function tilePath(tile: TileId): string {
  checkTileLevel(tile.level);
  return `tile/${tile.level}/${indexAndWidth(tile)}`;
}

/** `tile/entries/<N>[.p/<W>]`. SPEC: C2SP tlog-tiles, Log entries. Throws `bad_tile_coordinate`. */
export function entryBundlePath(bundle: { index: number; width: number }): string {
  return `tile/entries/${indexAndWidth(bundle)}`;
}

function indexAndWidth(at: { index: number; width: number }): string {
  checkTileIndex(at.index);
  if (!Number.isInteger(at.width) || at.width < 1 || at.width > TILE_WIDTH) {
    throw new MerkleError('bad_tile_coordinate', `tile width ${at.width} is not within 1..${TILE_WIDTH}`);
  }
  // SPEC: C2SP tlog-tiles: 3-digit groups, every group but the last prefixed with x.
  const digits = String(at.index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? [];
  const index = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/');
  return at.width === TILE_WIDTH ? index : `${index}.p/${at.width}`;
}

/** Longer than the longest canonical path, `tile/entries/x009/x007/x199/x254/x740/991.p/255`. */
const LONGEST_PATH = 64;
const TILE_PATH = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/(\d{1,3}))?$/;

/**
 * Reads a path as above, without leading slash. Only the canonical spelling is a path (one resource, one name):
 * everything else, such as `x000/001`, `.p/0`, `.p/256` or level 64, gives undefined. Never throws.
 */
export function parseTilePath(path: string): TilePath | undefined {
  if (path.length > LONGEST_PATH) return undefined;
  const [, level, groups, partial] = TILE_PATH.exec(path) ?? [];
  if (level === undefined || groups === undefined) return undefined;
  const index = Number(groups.replaceAll(/[x/]/g, ''));
  const width = partial === undefined ? TILE_WIDTH : Number(partial);
  if (!Number.isSafeInteger(index) || width < 1 || width > TILE_WIDTH) return undefined;
  if (level === 'entries')
    return entryBundlePath({ index, width }) === path ? { kind: 'entries', index, width } : undefined;
  const tile = { level: Number(level), index, width };
  // Printing what was read and comparing leaves no spelling that two resources, or one resource twice, could have.
  return tile.level <= MAX_TILE_LEVEL && tilePath(tile) === path ? { kind: 'tile', ...tile } : undefined;
}
