import type { Random } from './random.ts';

/** Lengths and counts at which parsers change their mind. */
const ODD_BYTES = [0x00, 0x01, 0x1f, 0x20, 0x30, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x88, 0xa0, 0xff];

type Change = (bytes: Buffer, random: Random) => Buffer;

const CHANGES: readonly Change[] = [
  (bytes, random) => replaceByte(bytes, random, (byte) => byte ^ (1 << random.below(8))),
  (bytes, random) => replaceByte(bytes, random, () => random.pick(ODD_BYTES)),
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => bytes.subarray(random.below(bytes.length + 1)),
  (bytes, random) => Buffer.concat([bytes, random.bytes(1 + random.below(40))]),
  (bytes, random) => insert(bytes, random, random.bytes(1 + random.below(20))),
  (bytes, random) => insert(bytes, random, slice(bytes, random)),
  (bytes, random) => Buffer.concat([slice(bytes, random), slice(bytes, random)]),
  (bytes) => Buffer.concat([bytes, bytes]),
  (_bytes, random) => random.bytes(random.below(300)),
  (_bytes, random) => Buffer.alloc(random.below(3000), random.pick(ODD_BYTES)),
  () => Buffer.alloc(0),
];

/** The bytes with one to four changes, mostly small ones. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  let changed: Buffer = bytes;
  for (let times = random.chance(0.7) ? 1 : 1 + random.below(4); times > 0; times--) {
    changed = random.pick(random.chance(0.5) ? CHANGES.slice(0, 2) : CHANGES)(changed, random);
  }
  return changed;
}

function replaceByte(bytes: Buffer, random: Random, change: (byte: number) => number): Buffer {
  if (bytes.length === 0) return bytes;
  const copy = Buffer.from(bytes);
  const at = random.below(copy.length);
  copy[at] = change(copy[at] ?? 0);
  return copy;
}

function insert(bytes: Buffer, random: Random, more: Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
}

function slice(bytes: Buffer, random: Random): Buffer {
  const start = random.below(bytes.length + 1);
  return bytes.subarray(start, start + random.below(bytes.length - start + 1));
}
