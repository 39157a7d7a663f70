import { FormatError } from '../errors.ts';
import { TlsReader, uint, vector } from './tls.ts';

const LEAF_INDEX = 0;
const OCTETS = 5;

/** The SCT extension that names the entry's index: `00 0005` and 40 bits. SPEC: C2SP static-ct-api, "SCT Extension" */
export function encodeLeafIndexExtension(index: number): Uint8Array {
  return Buffer.concat([uint(LEAF_INDEX, 1), vector(uint(index, OCTETS), 2)]);
}

/** The index that SCT extensions name, or undefined when they name none. Throws `tls_malformed`. */
export function decodeLeafIndexExtension(extensions: Uint8Array): number | undefined {
  const reader = new TlsReader(extensions);
  let index: number | undefined;
  while (!reader.done) {
    const type = reader.uint(1);
    const data = new TlsReader(reader.vector(2));
    if (type !== LEAF_INDEX) continue;
    if (index !== undefined) throw new FormatError('tls_malformed', 'two leaf indexes');
    index = data.uint(OCTETS);
    data.end();
  }
  return index;
}
