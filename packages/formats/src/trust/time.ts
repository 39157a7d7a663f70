import type { TimeRangeJson } from './documents.ts';
import { TrustError } from './errors.ts';
import type { ValidityWindow } from './model.ts';

/** 0001-01-01 and 9999-12-31T23:59:59.999Z: what a protobuf Timestamp can say. */
const EARLIEST_MS = -62_135_596_800_000;
const LATEST_MS = 253_402_300_799_999;
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;

/** proto3 JSON Timestamp: RFC 3339 with `Z`, milliseconds only where there are any. */
export function formatTimestamp(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('.000Z', 'Z');
}

/** Milliseconds of a proto3 JSON Timestamp (finer fractions are cut), or undefined. */
export function parseTimestamp(text: string): number | undefined {
  if (!RFC3339.test(text)) return undefined;
  const timeMs = Date.parse(text.replace(/(\.\d{3})\d+Z$/, '$1Z'));
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** The window as JSON. Throws `start_missing`, `window_invalid`. */
export function windowJson(window: ValidityWindow | undefined, path: string): TimeRangeJson {
  const start: unknown = window?.startMs;
  if (start === undefined || start === null)
    throw new TrustError('start_missing', `${path}.start`, 'validity has no start');
  const end: unknown = window?.endMs;
  if (!isTime(start) || (end !== undefined && !isTime(end))) {
    throw new TrustError('window_invalid', path, 'not a time in whole milliseconds between year 1 and 9999');
  }
  if (end === undefined) return { start: formatTimestamp(start) };
  if (end < start) throw new TrustError('window_invalid', path, 'validity ends before it starts');
  return { start: formatTimestamp(start), end: formatTimestamp(end) };
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= EARLIEST_MS && Number(value) <= LATEST_MS;
}
