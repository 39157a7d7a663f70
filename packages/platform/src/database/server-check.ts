import type { ClientBase } from 'pg';

/** What a server must be for a connection to it to be used. */
export interface ServerNeeds {
  /** The primary; false: a standby will do. */
  readonly primary: boolean;
  /** It must take writes. */
  readonly writes: boolean;
  /** Its settings must keep what it acknowledged. */
  readonly durable: boolean;
}

/** Values as PostgreSQL writes them, by name. */
export type ServerSettings = Readonly<Record<string, string>>;

const SETTINGS = [
  'fsync',
  'full_page_writes',
  'data_sync_retry',
  'synchronous_commit',
  'synchronous_standby_names',
] as const;

/** Of the session as it is; the view pg_settings would take milliseconds. A session that has set nothing follows a reload. */
const CHECK = `
select pg_is_in_recovery() as in_recovery,
       current_setting('transaction_read_only') = 'on' as read_only,
       json_build_object(${SETTINGS.map((name) => `'${name}', current_setting('${name}')`).join(', ')})::text as settings`;

interface Row {
  in_recovery: boolean;
  read_only: boolean;
  settings: string;
}

/** Asks the server what it is, and names all that makes it unfit; nothing when it is fit. Throws what the driver throws. */
export async function unfitness(client: Pick<ClientBase, 'query'>, needs: ServerNeeds): Promise<Unfit | undefined> {
  const { rows } = await client.query<Row>(CHECK);
  const [row] = rows;
  if (row === undefined) return { reason: 'it does not say what it is', unsafe: false };
  if (needs.primary && row.in_recovery) return { reason: 'it is a standby', unsafe: false };
  if (needs.writes && row.read_only)
    return { reason: 'it is read-only (default_transaction_read_only)', unsafe: false };
  const unsafe = needs.durable ? unsafeSettings(JSON.parse(row.settings) as ServerSettings) : [];
  if (unsafe.length === 0) return undefined;
  return { reason: `it may lose what it acknowledged: ${unsafe.join(', ')}`, unsafe: true };
}

export interface Unfit {
  /** For the operator. */
  readonly reason: string;
  /** Whether its settings are the reason. */
  readonly unsafe: boolean;
}

/**
 * The settings, as `name=value`, under which an acknowledged commit may be lost, or a torn page go unseen. With a
 * synchronous standby, `local` and `remote_write` acknowledge what a failover to it may lack.
 * SPEC: PostgreSQL 18, 19.5.1 "Write Ahead Log: Settings", 19.6.2 "Primary Server"
 */
export function unsafeSettings(settings: ServerSettings): string[] {
  const is = (name: (typeof SETTINGS)[number], values: readonly string[]): string[] => {
    const value = settings[name] ?? '';
    return values.includes(value) ? [`${name}=${value}`] : [];
  };
  const hasStandby = (settings['synchronous_standby_names'] ?? '').trim() !== '';
  return [
    ...is('fsync', ['off']),
    ...is('full_page_writes', ['off']),
    ...is('data_sync_retry', ['on']),
    ...is('synchronous_commit', hasStandby ? ['off', 'local', 'remote_write'] : ['off']),
  ];
}
