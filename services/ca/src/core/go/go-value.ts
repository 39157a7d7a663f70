import type { ClaimValue } from '../identity/claims.ts';

/**
 * Claim values as text, the way ci-provider templates and issuer claims see them: Go's %v of a decoded JSON value,
 * but for numbers, which are always plain digits here (upstream writes 1.234567e+06 into certificates).
 */
export function claimToText(value: ClaimValue): string {
  if (value === null) return '<nil>';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if ('raw' in value) return plainNumber(value.raw);
  if (value instanceof Map) return mapToText(value);
  return `[${[...(value as readonly ClaimValue[])].map(claimToText).join(' ')}]`;
}

/** Keys in byte order, as Go prints maps. */
function mapToText(map: ReadonlyMap<string, ClaimValue>): string {
  const keys = [...map.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `map[${keys.map((key) => `${key}:${claimToText(map.get(key) ?? null)}`).join(' ')}]`;
}

/**
 * A JSON number (raw text) without exponent. Whole numbers written as digits keep every digit (upstream loses those
 * above 2^53); all others are the shortest decimal that reads back as the same double.
 */
export function plainNumber(raw: string): string {
  if (/^-?\d+$/.test(raw)) return raw;
  const value = Number(raw);
  if (Object.is(value, -0)) return '-0';
  const text = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-])(\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign = '', whole = '', fraction = '', direction, exponent = '0'] = match;
  const digits = whole + fraction;
  const power = Number(exponent);
  if (direction === '-') return `${sign}0.${'0'.repeat(power - 1)}${digits}`;
  return `${sign}${digits.padEnd(power + 1, '0')}`;
}
