import { expect, type FuzzTarget, parsed, sameBytes } from '@sigstead/test/fuzz';
import {
  ctNoteVerifier,
  decodeCtNoteSignature,
  decodeDataTile,
  decodeDigitallySigned,
  decodeLeafIndexExtension,
  decodeMerkleTreeLeaf,
  decodePrecertExtraData,
  decodeSct,
  decodeSctList,
  decodeX509ExtraData,
  encodeCtNoteSignature,
  encodeDigitallySigned,
  encodeLeafIndexExtension,
  encodePrecertExtraData,
  encodeSct,
  encodeSctList,
  encodeTileLeaf,
  encodeX509ExtraData,
  FormatError,
  merkleTreeLeaf,
  publicKeyFromSpki,
  type Sct,
  type TileLeaf,
  verifyCtSignature,
} from '../../src/index.ts';
import { CERTIFICATES, CHECKPOINTS, SPKIS } from './seeds.ts';

const [one = Buffer.alloc(0), two = Buffer.alloc(0)] = CERTIFICATES;
const SIGNED = encodeDigitallySigned({ hashAlgorithm: 4, signatureAlgorithm: 3, signature: Buffer.alloc(70, 3) });
const sct = (extensions: Uint8Array): Sct => ({
  logId: Buffer.alloc(32, 1),
  timestampMs: 1_800_000_000_000,
  extensions,
  signature: SIGNED,
});
const INDEX = encodeLeafIndexExtension(2 ** 40 - 1);

/** A TLS structure with a decoder and an encoder: what is decoded is written the same again. */
function structure<T>(
  name: string,
  seeds: readonly Uint8Array[],
  { decode, encode }: { decode: (bytes: Uint8Array) => T; encode: (value: T) => Uint8Array },
): FuzzTarget {
  return {
    name,
    kind: 'bytes',
    seeds,
    judge: (input) =>
      parsed(
        () => decode(input),
        [FormatError],
        (value) => expect(sameBytes(encode(value), input), 'it is written otherwise'),
      ),
  };
}

const leaves: Uint8Array[] = [
  merkleTreeLeaf({ timestampMs: 1, entry: { type: 'x509', certificate: one }, extensions: new Uint8Array(0) }),
  merkleTreeLeaf({
    timestampMs: Number.MAX_SAFE_INTEGER,
    entry: { type: 'precert', issuerKeyHash: Buffer.alloc(32, 9), tbs: two },
    extensions: INDEX,
  }),
];

const [p256] = ['c-p256'].map((name) => SPKIS.get(name));
if (p256 === undefined) throw new Error('no recorded P-256 key');
const key = publicKeyFromSpki(p256);
const verifier = ctNoteVerifier('log.example/a', key);
const [checkpoint = Buffer.alloc(0)] = CHECKPOINTS;
const noteText = Buffer.from(checkpoint).toString('utf8').split('\n\n')[0] ?? '';

/** Signatures of a log that others made: verifying says no, and throws never. */
const signature: FuzzTarget = {
  name: 'ct-signature',
  kind: 'bytes',
  seeds: [
    SIGNED,
    encodeCtNoteSignature(5, SIGNED),
    encodeDigitallySigned({ hashAlgorithm: 4, signatureAlgorithm: 1, signature: SIGNED }),
  ],
  judge(input) {
    expect(!verifyCtSignature(key, Buffer.from('message'), input), 'nobody signed that');
    expect(!verifier.verify(`${noteText}\n`, input), 'nobody signed that checkpoint');
    return 'accepted';
  },
};

const tileLeaves = [
  {
    timestampMs: 1,
    entry: { type: 'x509', certificate: one },
    extensions: INDEX,
    precertificate: undefined,
    chain: [],
  },
  {
    timestampMs: 2,
    entry: { type: 'precert', issuerKeyHash: Buffer.alloc(32, 9), tbs: two },
    extensions: INDEX,
    precertificate: one,
    chain: [Buffer.alloc(32, 1), Buffer.alloc(32, 2)],
  },
] as const satisfies TileLeaf[];
const tileOf = (all: readonly TileLeaf[]): Uint8Array => Buffer.concat(all.map(encodeTileLeaf));

export const targets: readonly FuzzTarget[] = [
  structure('ct-data-tile', [tileOf(tileLeaves), tileOf(tileLeaves.slice(0, 1))], {
    decode: decodeDataTile,
    encode: tileOf,
  }),
  structure('ct-leaf', leaves, { decode: decodeMerkleTreeLeaf, encode: merkleTreeLeaf }),
  structure('ct-sct', [encodeSct(sct(new Uint8Array(0))), encodeSct(sct(INDEX))], {
    decode: decodeSct,
    encode: encodeSct,
  }),
  structure('ct-sct-list', [encodeSctList([sct(INDEX), sct(new Uint8Array(0))])], {
    decode: decodeSctList,
    encode: encodeSctList,
  }),
  structure('ct-extra-data', [encodeX509ExtraData([one, two]), encodeX509ExtraData([])], {
    decode: decodeX509ExtraData,
    encode: encodeX509ExtraData,
  }),
  structure('ct-precert-extra-data', [encodePrecertExtraData(one, [two]), encodePrecertExtraData(one, [])], {
    decode: decodePrecertExtraData,
    encode: ({ precertificate, chain }) => encodePrecertExtraData(precertificate, chain),
  }),
  structure('ct-digitally-signed', [SIGNED], { decode: decodeDigitallySigned, encode: encodeDigitallySigned }),
  structure('ct-note-signature', [encodeCtNoteSignature(7, SIGNED)], {
    decode: decodeCtNoteSignature,
    encode: ({ timestampMs, digitallySigned }) => encodeCtNoteSignature(timestampMs, digitallySigned),
  }),
  {
    name: 'ct-extensions',
    kind: 'bytes',
    seeds: [INDEX, encodeLeafIndexExtension(0), new Uint8Array(0)],
    judge: (input) =>
      parsed(
        () => decodeLeafIndexExtension(input),
        [FormatError],
        (index) => expect(index === undefined || (Number.isSafeInteger(index) && index >= 0), 'it is no index'),
      ),
  },
  signature,
];
