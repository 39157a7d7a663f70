import { type Pool, writeStatement } from '@sigstead/platform';
import type { IssuanceRecord, IssuanceStore } from '../core/ports.ts';
import { SCHEMA } from './migrations.ts';

/** Rows in one statement. */
const MAX_BATCH = 256;
/** Waiting records beyond this are refused at once: the database is not keeping up. */
const MAX_WAITING = 4096;
const COLUMNS = 5;
const KIND = { precertificate: 1, certificate: 2 } as const;

interface Waiting {
  readonly record: IssuanceRecord;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * IssuanceStore on PostgreSQL. Records that arrive while a statement is under way go into the next one together, so
 * the pace is the database's own and there is no timer. A statement is its own transaction: when it returns, its rows
 * are durable; when it fails, or is acknowledged with a warning, all its callers fail, and rows that may exist all the
 * same are harmless.
 */
export class PgIssuanceStore implements IssuanceStore {
  readonly #pool: Pool;
  #waiting: Waiting[] = [];
  #writing = false;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  append(record: IssuanceRecord): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) return Promise.reject(new Error('too many records wait for the database'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject });
      if (!this.#writing) void this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      try {
        await this.#insert(batch.map(({ record }) => record));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = false;
  }

  async #insert(records: readonly IssuanceRecord[]): Promise<void> {
    const { rowCount } = await writeStatement(this.#pool, {
      name: `ca-issuance-${records.length}`,
      text: insertStatement(records.length),
      values: records.flatMap(rowValues),
    });
    if (rowCount !== records.length) throw new Error(`${rowCount} of ${records.length} issuance records were written`);
  }
}

const statements = new Map<number, string>();

function insertStatement(rows: number): string {
  const known = statements.get(rows);
  if (known !== undefined) return known;
  const row = (index: number): string =>
    `(${Array.from({ length: COLUMNS }, (_, column) => `$${index * COLUMNS + column + 1}`).join(', ')})`;
  const text = `INSERT INTO ${SCHEMA}.issuance (kind, serial, issuer_key_sha256, token_sha256, tbs)
    VALUES ${Array.from({ length: rows }, (_, index) => row(index)).join(', ')}`;
  statements.set(rows, text);
  return text;
}

function rowValues(record: IssuanceRecord): (number | Buffer)[] {
  const { kind, serial, issuerKeySha256, tokenSha256, tbs } = record;
  return [KIND[kind], ...[serial, issuerKeySha256, tokenSha256, tbs].map((bytes) => Buffer.from(bytes))];
}
