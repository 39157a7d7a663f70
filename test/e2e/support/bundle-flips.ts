import type { SerializedBundle } from '@sigstore/bundle';

/** A field of a bundle, by its name in the bundle format, and how it is replaced. */
export interface BundleField {
  readonly name: string;
  /** Undefined when this kind of bundle does not have the field. */
  read(bundle: SerializedBundle): Buffer | undefined;
  write(bundle: SerializedBundle, bytes: Buffer): void;
  /** Bit positions to try. */
  bits(bytes: Buffer): number[];
}

type Loose = Record<string, unknown>;

/** Every field a client must hold against its signatures; each is decoded before a bit is flipped in it. */
export const FIELDS: readonly BundleField[] = [
  field('messageSignature.signature', spread),
  field('messageSignature.messageDigest.digest', spread),
  field('dsseEnvelope.signatures.0.sig', spread),
  field('dsseEnvelope.payload', spread),
  field('verificationMaterial.certificate.rawBytes', signedPartOfCertificate),
  field('verificationMaterial.x509CertificateChain.certificates.0.rawBytes', signedPartOfCertificate),
  field('verificationMaterial.tlogEntries.0.inclusionProof.hashes.0', spread),
  noteField('checkpoint root', { line: 2, prefix: '', skip: 0 }, spread),
  // A name, then base64 of a 4-byte key id and the signature.
  noteField('checkpoint signature', { line: 4, prefix: /^— \S+ /, skip: 4 }, spread),
  field('verificationMaterial.timestampVerificationData.rfc3161Timestamps.0.signedTimestamp', (bytes) =>
    [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => (bytes.length - 1) * 8 + bit),
  ),
];

/** A copy with one bit of the field flipped; undefined when the bundle does not have the field. */
export function flipBit(bundle: SerializedBundle, where: BundleField, bit: number): SerializedBundle | undefined {
  const bytes = where.read(bundle);
  if (bytes === undefined) return undefined;
  const at = bit >> 3;
  const byte = bytes[at];
  if (byte === undefined) throw new Error(`${where.name} has no bit ${bit}`);
  const changed = Buffer.from(bytes);
  changed[at] = byte ^ (0x80 >> (bit & 7));
  const copy = structuredClone(bundle);
  where.write(copy, changed);
  return copy;
}

/** The first and last bit, and some between them: 14 in all, on different bits of their bytes. */
function spread({ length }: Uint8Array): number[] {
  const last = length * 8 - 1;
  const bits = Array.from({ length: 14 }, (_, i) => Math.floor((last * i) / 13));
  return [...new Set(bits)];
}

/** Bits of the TBSCertificate's content and of the signature; sigstore-js overlooks some of the frame around them. */
function signedPartOfCertificate(der: Buffer): number[] {
  // Two headers of four bytes: 30 82 and the length, of the whole and of the TBSCertificate.
  const start = 8;
  const content = der.subarray(start, start + der.readUInt16BE(6));
  return [...spread(content).map((bit) => start * 8 + bit), der.length * 8 - 1];
}

function field(path: string, bits: BundleField['bits']): BundleField {
  const names = path.split('.');
  return {
    name: path,
    bits,
    read: (bundle) => {
      const value = at(bundle, names);
      return typeof value === 'string' ? Buffer.from(value, 'base64') : undefined;
    },
    write: (bundle, bytes) => put(bundle, names, bytes.toString('base64')),
  };
}

const NOTE = 'verificationMaterial.tlogEntries.0.inclusionProof.checkpoint.envelope'.split('.');

/** Base64 at the end of one line of the checkpoint, after a prefix; its first `skip` bytes stay as they are. */
function noteField(
  name: string,
  place: { line: number; prefix: string | RegExp; skip: number },
  bits: BundleField['bits'],
): BundleField {
  const split = (note: string): { lines: string[]; head: string; bytes: Buffer } => {
    const lines = note.split('\n');
    const text = lines[place.line] ?? '';
    const head = typeof place.prefix === 'string' ? place.prefix : (place.prefix.exec(text)?.[0] ?? '');
    return { lines, head, bytes: Buffer.from(text.slice(head.length), 'base64') };
  };
  return {
    name,
    bits,
    read: (bundle) => {
      const note = at(bundle, NOTE);
      return typeof note === 'string' ? split(note).bytes.subarray(place.skip) : undefined;
    },
    write: (bundle, changed) => {
      const { lines, head, bytes } = split(at(bundle, NOTE) as string);
      lines[place.line] = head + Buffer.concat([bytes.subarray(0, place.skip), changed]).toString('base64');
      put(bundle, NOTE, lines.join('\n'));
    },
  };
}

function at(value: unknown, names: readonly string[]): unknown {
  return names.reduce<unknown>((inner, name) => (inner as Loose | undefined)?.[name], value);
}

function put(value: unknown, names: readonly string[], text: string): void {
  const holder = at(value, names.slice(0, -1)) as Loose;
  holder[names.at(-1) ?? ''] = text;
}
