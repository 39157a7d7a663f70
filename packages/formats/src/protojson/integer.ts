import { FormatError } from '../errors.ts';
import { parseJson } from '../json/parse.ts';
import type { JsonValue } from '../json/value.ts';

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** Longer number texts are refused: no client writes them, and none of this should cost more than a glance. */
const MAX_TEXT = 400;
/** digits of 2^64 */
const MAX_DIGITS = 20;

/** The integer a JSON number stands for (`5`, `5.0`, `50e-1`), or undefined when it is none or far out of range. */
function integerOf(text: string): { value: bigint; negative: boolean } | undefined {
  const match = text.length > MAX_TEXT ? null : NUMBER.exec(text);
  if (match === null) return undefined;
  const negative = match[1] === '-';
  const fraction = (match[3] ?? '').replace(/0+$/, '');
  const digits = `${match[2]}${fraction}`.replace(/^0+/, '');
  if (digits === '') return { value: 0n, negative };
  const shift = Number(match[4] ?? '0') - fraction.length;
  const size = digits.length + shift;
  if (size < 1 || size > MAX_DIGITS) return undefined;
  if (shift < 0 && /[^0]/.test(digits.slice(size))) return undefined;
  const magnitude = BigInt(shift < 0 ? digits.slice(0, size) : digits.padEnd(size, '0'));
  return { value: negative ? -magnitude : magnitude, negative };
}

function numberText(value: JsonValue): string | undefined {
  if (value.kind === 'number') return value.text;
  if (value.kind !== 'string' || value.value.length > MAX_TEXT || value.value !== value.value.trim()) return undefined;
  try {
    const inner = parseJson(value.value, { maxDepth: 0, maxNodes: 1 });
    return inner.value.kind === 'number' && inner.end === inner.source.length ? inner.value.text : undefined;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

const RANGES = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
} as const;

/** An integer field: a number or, where `quoted`, a string holding one. SPEC: protobuf JSON mapping, int32 to fixed64. */
export function readInteger(value: JsonValue, kind: keyof typeof RANGES, quoted: boolean): bigint | undefined {
  if (value.kind !== 'number' && !quoted) return undefined;
  const text = numberText(value);
  const parsed = text === undefined ? undefined : integerOf(text);
  if (parsed === undefined) return undefined;
  const [least, most] = RANGES[kind];
  if (parsed.value < least || parsed.value > most) return undefined;
  // Go's ParseUint takes no sign, so `-0` is no unsigned integer.
  return parsed.negative && least === 0n ? undefined : parsed.value;
}
