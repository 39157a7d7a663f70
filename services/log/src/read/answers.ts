import type { LogReader } from './log-reader.ts';
import type { TileSource } from './tile-source.ts';

/**
 * What is read so that entries can be answered, where that waits for witnesses: apart from the memory and the connections
 * that readers use up.
 */
export interface AnswerReads {
  /** So many entries from the end of the tree: their tiles are kept, and those above them. */
  readonly recent: number;
  readonly tiles: TileSource;
  /** Makes its proofs of those tiles. */
  readonly reader: LogReader;
}

/** Entries from the end of the tree whose tiles have room in RECENT_TILES_BYTES twice over. */
export const RECENT_ENTRIES = 48 * 256;
export const RECENT_TILES_BYTES = 2 * 2 ** 20;
