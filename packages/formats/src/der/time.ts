import { DerError } from './errors.ts';

/** `YYMMDDHHMMSSZ`. The caller keeps to 1950–2049. */
export function utcTimeText(epochMs: number): string {
  return generalizedTimeText(epochMs).slice(2);
}

/** `YYYYMMDDHHMMSSZ`, fractions of a second cut off. */
export function generalizedTimeText(epochMs: number): string {
  const iso = new Date(epochMs).toISOString();
  if (iso.length !== 24) throw new DerError('bad_time', 'year outside 0000-9999');
  return `${iso.slice(0, 4)}${iso.slice(5, 7)}${iso.slice(8, 10)}${iso.slice(11, 13)}${iso.slice(14, 16)}${iso.slice(17, 19)}Z`;
}

/**
 * Milliseconds since 1970 of a UTCTime (`YYMMDDHHMMSSZ`) or GeneralizedTime (`YYYYMMDDHHMMSSZ`) text; no fractions, no offsets.
 * SPEC: RFC 5280 §4.1.2.5.1, §4.1.2.5.2
 */
export function parseTimeText(text: string, kind: 'utc' | 'generalized'): number {
  const pattern =
    kind === 'utc' ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/ : /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;
  const match = pattern.exec(text);
  if (!match) throw new DerError('bad_time', 'not a DER time');
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const fullYear = kind === 'utc' ? (year >= 50 ? 1900 + year : 2000 + year) : year;
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month - 1, day);
  date.setUTCHours(hour, minute, second, 0);
  const expected = kind === 'utc' ? utcTimeText(date.getTime()) : generalizedTimeText(date.getTime());
  if (expected !== text) throw new DerError('bad_time', 'no such date');
  return date.getTime();
}
