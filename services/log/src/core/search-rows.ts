/**
 * Of each key this much is stored: with the byte that PostgreSQL keeps its length in, two words. What is found by it is
 * compared whole, with the keys of the entry itself.
 */
export const STORED_KEY_BYTES = 15;

/**
 * Entries whose keys lie together in the index: new ones are added to a part of it that fits into memory, however long the
 * log becomes. A batch lies where it begins.
 */
export const SEGMENT_ENTRIES = 2 ** 18;

/** Entries of a batch are counted in two bytes. */
const MAX_BATCH = 2 ** 16;

/** All rows of one batch: for each key that occurs in it the entries that have it, as places in the batch, two bytes each. */
export interface SearchRows {
  /** Stored keys, one after the other. */
  keys: Uint8Array;
  /** Places of all keys, one after the other; `begins` and `lengths` cut them, in bytes from 1, as SQL counts. */
  places: Uint8Array;
  begins: number[];
  lengths: number[];
}

/** The rows of a batch from the keys of its entries, in order. Undefined for a batch of more entries than can be counted. */
export function searchRows(keysOfEntries: readonly (readonly Uint8Array[])[]): SearchRows | undefined {
  if (keysOfEntries.length > MAX_BATCH) return undefined;
  const places = new Map<string, number[]>();
  keysOfEntries.forEach((keys, place) => {
    for (const key of keys) {
      const stored = storedKeyText(key);
      const known = places.get(stored);
      if (known === undefined) places.set(stored, [place]);
      else if (known.at(-1) !== place) known.push(place);
    }
  });
  return packed(places);
}

function packed(placesOfKeys: ReadonlyMap<string, readonly number[]>): SearchRows {
  const count = [...placesOfKeys.values()].reduce((sum, list) => sum + list.length, 0);
  const keys = Buffer.allocUnsafe(placesOfKeys.size * STORED_KEY_BYTES);
  const places = Buffer.allocUnsafe(count * 2);
  const begins: number[] = [];
  const lengths: number[] = [];
  let keyAt = 0;
  let at = 0;
  for (const [key, list] of placesOfKeys) {
    keyAt += keys.write(key, keyAt, 'latin1');
    begins.push(at + 1);
    lengths.push(list.length * 2);
    for (const place of list) at = places.writeUInt16BE(place, at);
  }
  return { keys, places, begins, lengths };
}

/** What of a key is stored, as a Map's key. */
export function storedKeyText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, STORED_KEY_BYTES).toString('latin1');
}

/** What of a key is stored. */
export function storedKey(key: Uint8Array): Uint8Array {
  return key.subarray(0, STORED_KEY_BYTES);
}

/** The places in a row. */
export function placesOf(packedPlaces: Uint8Array): number[] {
  const view = new DataView(packedPlaces.buffer, packedPlaces.byteOffset, packedPlaces.byteLength);
  return Array.from({ length: packedPlaces.length >> 1 }, (_, i) => view.getUint16(i * 2));
}
