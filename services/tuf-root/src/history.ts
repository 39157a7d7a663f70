import type { TrustModel } from '@sigstead/formats';
import { type Logger, openPool, transaction } from '@sigstead/platform';
import { decodeModel } from './core/model-codec.ts';
import { readModels } from './store/postgres-store.ts';

/** A model of trust material, and since when it was the published one. */
export interface PublishedModel {
  readonly model: TrustModel;
  readonly publishedAtMs: number;
}

export interface HistoryOptions {
  readonly connectionString: string;
  readonly logger: Logger;
}

/**
 * Every model that was ever published, in order; the last one is in force. Empty when nothing was published yet. What it gives
 * survives a crash of the database. Throws TufError `model_malformed`, DatabaseError, and what the driver throws.
 */
export async function publishedModels({ connectionString, logger }: HistoryOptions): Promise<PublishedModel[]> {
  const pool = openPool({
    connectionString,
    logger,
    max: 1,
    applicationName: 'sigstead-tuf-history',
    statementTimeoutMs: 10_000,
  });
  try {
    const rows = await transaction(pool, readModels);
    return rows.map(({ model, publishedAtMs }) => ({ model: decodeModel(model), publishedAtMs }));
  } finally {
    await pool.end();
  }
}
