import { mutateBytes } from '../e2e/fuzz/mutate-bytes.ts';
import { mutateJson } from '../e2e/fuzz/mutate-json.ts';
import { Random } from '../e2e/fuzz/random.ts';
import { mutateDer } from './mutate-der.ts';
import { mutateLines } from './mutate-lines.ts';
import { mutateProto } from './mutate-proto.ts';
import { type FuzzTarget, textOf } from './target.ts';

/** Longer ones cost time and find nothing that a repetition of a piece does not. */
export const MOST_BYTES = 128 * 1024;

/**
 * Input number `i` of a campaign: it follows from the target, the seed and the number alone, so a finding is repeated
 * without those before it.
 */
export function hostileInput(target: FuzzTarget, bases: readonly Uint8Array[], seed: number, i: number): Uint8Array {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(i + 1, 0x85ebca6b));
  random.next();
  if (target.make !== undefined && random.chance(0.4)) return capped(target.make(random));
  const base = random.pick(bases);
  const structured = random.chance(0.75) ? byStructure(target, base, random) : undefined;
  const bytes = structured ?? mutateBytes(Buffer.from(base), random);
  return capped(random.chance(0.1) ? withWord(bytes, target, random) : bytes);
}

function byStructure({ kind }: FuzzTarget, base: Uint8Array, random: Random): Buffer | undefined {
  switch (kind) {
    case 'json': {
      const text = mutateJson(textOf(base), random);
      return text === undefined ? undefined : Buffer.from(text);
    }
    case 'lines':
      return Buffer.from(mutateLines(textOf(base), random));
    case 'der':
      return mutateDer(base, random);
    case 'protobuf':
      return mutateProto(base, random);
    case 'bytes':
      return undefined;
  }
}

function withWord(bytes: Uint8Array, { words = [] }: FuzzTarget, random: Random): Uint8Array {
  if (words.length === 0) return bytes;
  const at = random.below(bytes.length + 1);
  const until = Math.min(bytes.length, at + random.below(20));
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(words)), bytes.subarray(until)]);
}

function capped(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, MOST_BYTES);
}
