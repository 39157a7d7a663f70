import { isUniqueViolation, type Pool, type PoolClient, sqlState, transaction } from '@sigstead/platform';
import { parseEnvelope } from '../core/envelope.ts';
import { modelDigest } from '../core/model-codec.ts';
import type { RoleName } from '../core/metadata.ts';
import type { Publication, PublicationStore } from '../core/ports.ts';
import type { MetadataFile, PublishedSet, TargetBlob } from '../core/published.ts';

/**
 * Publications in PostgreSQL. One transaction adds a publication whole; which one is newest decides what readers see, so they see the old
 * or the new, never a mixture. The primary keys decide between two publishers.
 */
export function postgresStore(pool: Pool): PublicationStore {
  return {
    load: () => transaction(pool, loadNewest),
    newestSequence: () => newestSequence(pool),
    publish: (publication) => publish(pool, publication),
    metadata: (role, version) => metadataBytes(pool, role, version),
    target: (name, sha256) => targetBytes(pool, name, sha256),
    clockMs: () => clockMs(pool),
  };
}

type Queryable = Pick<PoolClient, 'query'>;

interface PublicationRow {
  sequence: bigint;
  published_at_ms: bigint;
  model: Buffer;
  root_version: bigint;
  targets_version: bigint;
  snapshot_version: bigint;
  timestamp_version: bigint;
}

/** The lock makes this transaction's commit one that is acknowledged only when what it read cannot be lost any more. */
async function loadNewest(client: PoolClient): Promise<PublishedSet | undefined> {
  await client.query('SELECT single FROM tuf.gate FOR UPDATE');
  const row = await newestPublication(client);
  if (!row) return undefined;
  const file = async (role: RoleName, version: bigint): Promise<MetadataFile> => ({
    version: Number(version),
    bytes: (await metadataBytes(client, role, Number(version))) ?? new Uint8Array(),
  });
  const targets = await file('targets', row.targets_version);
  return {
    sequence: Number(row.sequence),
    publishedAtMs: Number(row.published_at_ms),
    model: row.model,
    roots: await rootsUpTo(client, row.root_version),
    targets,
    snapshot: await file('snapshot', row.snapshot_version),
    timestamp: await file('timestamp', row.timestamp_version),
    blobs: await blobsOf(client, targets),
  };
}

async function newestPublication(client: Queryable): Promise<PublicationRow | undefined> {
  const { rows } = await client.query<PublicationRow>(`
    SELECT p.sequence, p.published_at_ms, m.bytes AS model,
           p.root_version, p.targets_version, p.snapshot_version, p.timestamp_version
      FROM tuf.publication p JOIN tuf.model_revision m ON m.sha256 = p.model_sha256
     ORDER BY p.sequence DESC LIMIT 1`);
  return rows[0];
}

/** Each publication that changed the model, oldest first. Locked like loadNewest(), for the same reason. */
export async function readModels(client: PoolClient): Promise<{ model: Uint8Array; publishedAtMs: number }[]> {
  await client.query('SELECT single FROM tuf.gate FOR UPDATE');
  const { rows } = await client.query<{ published_at_ms: bigint; model: Buffer }>(`
    SELECT p.published_at_ms, m.bytes AS model
      FROM (SELECT sequence, published_at_ms, model_sha256, lag(model_sha256) OVER (ORDER BY sequence) AS before
              FROM tuf.publication) p
      JOIN tuf.model_revision m ON m.sha256 = p.model_sha256
     WHERE p.before IS DISTINCT FROM p.model_sha256
     ORDER BY p.sequence`);
  return rows.map((row) => ({ model: row.model, publishedAtMs: Number(row.published_at_ms) }));
}

async function newestSequence(client: Queryable): Promise<number> {
  const { rows } = await client.query<{ sequence: bigint }>(
    'SELECT sequence FROM tuf.publication ORDER BY sequence DESC LIMIT 1',
  );
  return Number(rows[0]?.sequence ?? 0n);
}

async function rootsUpTo(client: Queryable, version: bigint): Promise<MetadataFile[]> {
  const { rows } = await client.query<{ version: bigint; bytes: Buffer }>(
    "SELECT version, bytes FROM tuf.metadata WHERE role = 'root' AND version <= $1 ORDER BY version",
    [version],
  );
  return rows.map((row) => ({ version: Number(row.version), bytes: row.bytes }));
}

async function metadataBytes(client: Queryable, role: RoleName, version: number): Promise<Uint8Array | undefined> {
  const { rows } = await client.query<{ bytes: Buffer }>(
    'SELECT bytes FROM tuf.metadata WHERE role = $1 AND version = $2',
    [role, version],
  );
  return rows[0]?.bytes;
}

async function targetBytes(client: Queryable, name: string, sha256: Uint8Array): Promise<Uint8Array | undefined> {
  const { rows } = await client.query<{ bytes: Buffer }>(
    'SELECT bytes FROM tuf.target_file WHERE name = $1 AND sha256 = $2',
    [name, sha256],
  );
  return rows[0]?.bytes;
}

async function blobsOf(client: Queryable, targets: MetadataFile): Promise<TargetBlob[]> {
  const blobs: TargetBlob[] = [];
  for (const [name, entry] of Object.entries(parseEnvelope(targets.bytes, 'targets').signed.targets)) {
    const sha256 = Buffer.from(entry.hashes.sha256, 'hex');
    const bytes = await targetBytes(client, name, sha256);
    if (bytes) blobs.push({ name, sha256, bytes });
  }
  return blobs;
}

/** Lost races: a taken key, a lowered version, a deadlock that the server resolved against us. Nothing of the transaction is kept. */
async function publish(pool: Pool, publication: Publication): Promise<'published' | 'lost'> {
  try {
    await transaction(pool, (client) => insertPublication(client, publication));
    return 'published';
  } catch (error) {
    const state = sqlState(error);
    if (isUniqueViolation(error) || state === '23514' || state === '40P01' || state === '40001') return 'lost';
    throw error;
  }
}

async function insertPublication(client: PoolClient, publication: Publication): Promise<void> {
  const model = modelDigest(publication.model);
  await client.query('INSERT INTO tuf.model_revision (sha256, bytes) VALUES ($1, $2) ON CONFLICT (sha256) DO NOTHING', [
    model,
    publication.model,
  ]);
  for (const { name, sha256, bytes } of publication.blobs) {
    await client.query(
      'INSERT INTO tuf.target_file (name, sha256, bytes) VALUES ($1, $2, $3) ON CONFLICT (name, sha256) DO NOTHING',
      [name, sha256, bytes],
    );
  }
  for (const { role, version, bytes } of publication.files) {
    await client.query('INSERT INTO tuf.metadata (role, version, bytes) VALUES ($1, $2, $3)', [role, version, bytes]);
  }
  const { sequence, publishedAtMs, versions } = publication;
  await client.query(
    `INSERT INTO tuf.publication (sequence, previous, published_at_ms, model_sha256,
                                  root_version, targets_version, snapshot_version, timestamp_version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      sequence,
      sequence === 1 ? null : sequence - 1,
      publishedAtMs,
      model,
      versions.root,
      versions.targets,
      versions.snapshot,
      versions.timestamp,
    ],
  );
}

async function clockMs(client: Queryable): Promise<number> {
  const { rows } = await client.query<{ now_ms: bigint }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms',
  );
  return Number(rows[0]?.now_ms ?? 0n);
}
