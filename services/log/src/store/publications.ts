import { hash } from 'node:crypto';
import { DatabaseHosts, type Pool } from '@sigstead/platform';
import { StoreError } from '../core/errors.ts';
import type { Evidence, NewPublication, PublicationStore, PublishedHead } from '../core/witness/ports.ts';
import { bytesOf, numberOf, type Row } from './rows.ts';
import { lockingBegin } from './sequencing.ts';
import { Session, type SessionLimits } from './session.ts';

/** Kept of one log: whoever speaks for a witness must not fill the database. */
const MAX_EVIDENCE = 100;

const NEWEST = `
select p.size, p.ordinal, p.quorum, h.root, n.created_ms, n.note
  from (select size, ordinal, quorum from log.publications where log_id = $1 order by size desc, ordinal desc limit 1) p
  join log.heads h on h.log_id = $1 and h.size = p.size
  join log.notes n on n.log_id = $1 and n.size = p.size and n.ordinal = p.ordinal`;

/** Note and publication in one statement, or neither: only above the note that the witnesses were asked about. */
const PUBLISH = `
with standing as (
  select h.size from log.heads h
   where h.log_id = $1 and h.size = $2::bigint and h.root = $3::bytea
     and (select max(ordinal) from log.notes where log_id = $1 and size = $2::bigint) = $4::integer
     and not exists (select 1 from log.publications where log_id = $1
                        and (size, ordinal) >= ($2::bigint, $5::integer))
), note as (
  insert into log.notes (log_id, size, ordinal, created_ms, note)
  select $1, size, $5::integer, $6::bigint, $7::bytea from standing where $7::bytea is not null
  returning 1
)
insert into log.publications (log_id, size, ordinal, quorum, created_ms)
select $1, size, $5::integer, $8::boolean, $6::bigint from standing`;

/** Publications over a session of their own, so that sequencing never waits in line with them. The pool is not owned. */
export function publicationStore(options: {
  connectionString: string;
  pool: Pool;
  logId: number;
  durable: boolean;
  limits?: SessionLimits;
}): PublicationStore {
  const { pool, logId, durable, connectionString } = options;
  const session = new Session({ hosts: DatabaseHosts.parse(connectionString), durable }, options.limits);
  let turn: Promise<unknown> = Promise.resolve();
  const locked = <T>(work: () => Promise<T>): Promise<T> => {
    const own = turn.then(() => behindLock(session, logId, work));
    turn = own.catch(() => undefined);
    return own;
  };
  return {
    peek: () => peek(pool, logId),
    settle: () => locked(() => newest(session, logId)),
    publish: (publication) => locked(() => publish(session, logId, publication)),
    keep: (evidence) => keep(pool, logId, evidence),
    async close() {
      await turn;
      await session.close();
    },
  };
}

/** The lock makes it a writing transaction, whose COMMIT waits for whatever a batch's waits for; nobody writes beside it. */
async function behindLock<T>(session: Session, logId: number, work: () => Promise<T>): Promise<T> {
  await session.open();
  try {
    await session.run(lockingBegin(logId));
    const result = await work();
    await session.commit();
    return result;
  } catch (error) {
    await session.rollback();
    throw error;
  }
}

async function newest(session: Session, logId: number): Promise<PublishedHead | undefined> {
  const { rows } = await session.run({ name: 'log_publication', text: NEWEST, values: [logId] });
  return rows[0] === undefined ? undefined : toPublished(rows[0]);
}

async function publish(session: Session, logId: number, wanted: NewPublication): Promise<PublishedHead | undefined> {
  const { size, root, note, quorum, timestampMs } = wanted;
  const ordinal = note === undefined ? wanted.ordinal : wanted.ordinal + 1;
  const values = [logId, size, root, wanted.ordinal, ordinal, timestampMs, note ?? null, quorum];
  const { rowCount } = await session.run({ name: 'log_publish', text: PUBLISH, values });
  // As it is stored, not as it was sent.
  const stored = rowCount === 1 ? await newest(session, logId) : undefined;
  if (stored !== undefined && (stored.size !== size || stored.ordinal !== ordinal)) {
    throw new StoreError('refused', `the publication of size ${size} is not the newest one`);
  }
  return stored;
}

function toPublished(row: Row): PublishedHead {
  return {
    size: numberOf(row, 'size'),
    ordinal: numberOf(row, 'ordinal'),
    root: bytesOf(row, 'root'),
    timestampMs: numberOf(row, 'created_ms'),
    note: bytesOf(row, 'note'),
    quorum: row['quorum'] === true,
  };
}

async function peek(pool: Pool, logId: number): Promise<{ size: number; ordinal: number } | undefined> {
  const rows = await answered(
    pool.query<Row>({
      name: 'log_publication_peek',
      text: 'select size, ordinal from log.publications where log_id = $1 order by size desc, ordinal desc limit 1',
      values: [logId],
    }),
  );
  return rows[0] && { size: numberOf(rows[0], 'size'), ordinal: numberOf(rows[0], 'ordinal') };
}

async function keep(pool: Pool, logId: number, evidence: Evidence): Promise<boolean> {
  const { witness, detail, checkpoint, answer, timestampMs } = evidence;
  const digest = hash('sha256', Buffer.concat([Buffer.from(`${witness}\n`), checkpoint, answer]), 'buffer');
  const rows = await answered(
    pool.query<Row>({
      name: 'log_keep_evidence',
      text: `insert into log.witness_evidence (log_id, digest, witness, created_ms, detail, checkpoint, answer)
             select $1, $2, $3, $4::bigint, $5, $6, $7
              where (select count(*) from log.witness_evidence where log_id = $1) < ${MAX_EVIDENCE}
             on conflict do nothing returning 1 as kept`,
      values: [logId, digest, witness, timestampMs, detail, checkpoint, answer],
    }),
  );
  return rows.length > 0;
}

/** What the pool's driver throws is its own. */
async function answered(query: Promise<{ rows: Row[] }>): Promise<Row[]> {
  try {
    return (await query).rows;
  } catch (cause) {
    throw new StoreError('lost', 'no answer from the database', { cause });
  }
}

/** Whether the log has ever shown anything by way of publications. */
export async function hasPublications(pool: Pool, logId: number): Promise<boolean> {
  return (await peek(pool, logId)) !== undefined;
}
