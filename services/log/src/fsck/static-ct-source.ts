import {
  decodeDataTile,
  decodeLeafIndexExtension,
  FormatError,
  merkleTreeLeaf,
  type TileLeaf,
} from '@sigstead/formats';
import { parseTilePath, TILE_WIDTH } from '@sigstead/merkle';
import { contradictionBeside } from '../core/ct/beside.ts';
import { encodeBundle } from '../core/entry-bundle.ts';
import { SourceError, type TreeSource } from './source.ts';

type Sha256 = (data: Uint8Array) => Uint8Array;

/** A certificate is far below, also one of a TLS log. */
const MAX_ISSUER_BYTES = 2 ** 20;
/** What stands beside the leaves of a bundle: as much again, for precertificates. */
const BESIDE = 2;

/**
 * A log of the static-ct-api layout as one of tlog-tiles: data tiles are given as bundles of their leaves. What no leaf hash
 * covers is looked at here: that each entry names its own index, that its precertificate and its issuers are there and fit.
 * SPEC: C2SP static-ct-api, "Monitoring APIs"
 */
export function staticCtSource(source: TreeSource, sha256: Sha256): TreeSource {
  const issuers = new Map<string, Promise<Uint8Array>>();
  const issuer = (fingerprint: Uint8Array): Promise<Uint8Array> => {
    const name = `issuer/${Buffer.from(fingerprint).toString('hex')}`;
    const found = issuers.get(name) ?? readIssuer(source, name, { fingerprint, sha256 });
    issuers.set(name, found);
    return found;
  };
  return {
    ...source,
    async read(path, maxBytes) {
      const at = parseTilePath(path);
      if (at?.kind !== 'entries') return source.read(path, maxBytes);
      const bytes = await source.read(dataPath(path), maxBytes * BESIDE);
      if (bytes === undefined) return undefined;
      const leaves = decoded(dataPath(path), bytes);
      for (const [i, leaf] of leaves.entries()) await checkLeaf(leaf, at.index * TILE_WIDTH + i, { issuer, sha256 });
      return encodeBundle(leaves.map((leaf) => ({ leaf: encoded(leaf, dataPath(path)) })));
    },
    ...(source.forms === undefined
      ? {}
      : { forms: (path: string) => source.forms?.(dataPath(path)) ?? Promise.resolve([]) }),
  };
}

function dataPath(path: string): string {
  return path.replace(/^tile\/entries\//, 'tile/data/');
}

function decoded(path: string, bytes: Uint8Array): TileLeaf[] {
  try {
    return decodeDataTile(bytes);
  } catch (error) {
    if (error instanceof FormatError) throw unreadable(`${path} does not decode: ${error.message}`, error);
    throw error;
  }
}

function encoded(leaf: TileLeaf, path: string): Uint8Array {
  const bytes = merkleTreeLeaf(leaf);
  if (bytes.length <= 0xffff) return bytes;
  throw unreadable(`${path} has an entry of ${bytes.length} bytes, which is more than this check can read`);
}

async function checkLeaf(
  leaf: TileLeaf,
  index: number,
  { issuer, sha256 }: { issuer: (fingerprint: Uint8Array) => Promise<Uint8Array>; sha256: Sha256 },
): Promise<void> {
  if (indexOf(leaf) !== index) throw unreadable(`entry ${index} does not name its own index`);
  const chain = await Promise.all(leaf.chain.map(issuer));
  const reason = contradictionBeside(leaf.entry, { precertificate: leaf.precertificate, chain }, sha256);
  if (reason !== undefined) throw unreadable(`entry ${index}: ${reason}`);
}

function indexOf({ extensions }: TileLeaf): number | undefined {
  try {
    return decodeLeafIndexExtension(extensions);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

async function readIssuer(
  source: TreeSource,
  name: string,
  { fingerprint, sha256 }: { fingerprint: Uint8Array; sha256: Sha256 },
): Promise<Uint8Array> {
  const bytes = await source.read(name, MAX_ISSUER_BYTES);
  if (bytes === undefined) throw unreadable(`${name} is missing, and entries refer to it`);
  if (Buffer.compare(sha256(bytes), fingerprint) !== 0) throw unreadable(`${name} is another certificate`);
  return bytes;
}

function unreadable(text: string, cause?: unknown): SourceError {
  return new SourceError('unreadable', text, { cause });
}
