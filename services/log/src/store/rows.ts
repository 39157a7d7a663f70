import { LogError } from '../core/errors.ts';

/** A row as the driver gives it: bigint columns as text or bigint, bytea as Buffer. */
export type Row = Record<string, unknown>;

/** A size, index or time. Throws `internal` unless it is an integer that a number holds exactly. */
export function numberOf(row: Row, column: string): number {
  const value = row[column];
  const n = typeof value === 'string' || typeof value === 'bigint' ? Number(value) : value;
  if (typeof n !== 'number' || !Number.isSafeInteger(n)) throw badColumn(column);
  return n;
}

export function bytesOf(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw badColumn(column);
  return value;
}

export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw badColumn(column);
  return value;
}

function badColumn(column: string): LogError {
  return new LogError('internal', 'internal error', { detail: `unexpected value in column ${column}` });
}

/** Views of consecutive 32-byte hashes. */
export function splitHashes(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: bytes.length / 32 }, (_, i) => bytes.subarray(i * 32, i * 32 + 32));
}

/** Consecutive hashes as one parameter: one blob is several times faster than an array of bytea. */
export function joinBytes(parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts);
}
