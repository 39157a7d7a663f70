import pg from 'pg';
import { DatabaseError } from './errors.ts';
import type { DatabaseHost, DatabaseHosts } from './hosts.ts';
import { type ServerNeeds, unfitness } from './server-check.ts';

/** Why one server was not used. */
export class HostFault extends Error {
  override readonly name = 'HostFault';
  /** Whether its settings are the reason. */
  readonly unsafe: boolean;

  constructor(host: DatabaseHost, why: { reason: string; unsafe: boolean; cause?: unknown }) {
    super(`${host.name}: ${why.reason}`, why.cause === undefined ? undefined : { cause: why.cause });
    this.unsafe = why.unsafe;
  }
}

/** Longest time for one of several servers, in milliseconds: the others must still get their turn. */
const ONE_OF_SEVERAL_MS = 2000;

/** Time for one server of the list, when a connection may take `connectTimeoutMs`. */
export function hostTimeoutMs(hosts: DatabaseHosts, connectTimeoutMs: number): number {
  return hosts.all.length === 1 ? connectTimeoutMs : Math.min(connectTimeoutMs, ONE_OF_SEVERAL_MS);
}

export interface ConnectOptions {
  readonly hosts: DatabaseHosts;
  readonly needs: ServerNeeds;
  /** For a server that is the only one; of several each gets 2 s at most. */
  readonly connectTimeoutMs: number;
  readonly client?: Omit<pg.ClientConfig, 'connectionString'>;
  /** What else belongs to opening, in the same time. */
  readonly prepare?: (client: pg.Client) => Promise<unknown>;
}

/**
 * Opens one connection to the primary: the servers are tried in order, the last good one first, each within its time, and
 * each is asked what it is before the connection is used for anything. The caller owns the connection.
 * Throws DatabaseError `no_primary` or `unsafe_settings`, naming each server and why it was not used.
 */
export async function connectPrimary(options: ConnectOptions): Promise<pg.Client> {
  const faults: HostFault[] = [];
  for (const host of options.hosts.inOrder()) {
    try {
      const client = await openOne(host, options);
      options.hosts.prefer(host);
      return client;
    } catch (error) {
      if (!(error instanceof HostFault)) throw error;
      faults.push(error);
    }
  }
  throw noPrimary(faults);
}

async function openOne(host: DatabaseHost, options: ConnectOptions): Promise<pg.Client> {
  const timeoutMs = hostTimeoutMs(options.hosts, options.connectTimeoutMs);
  const client = makeClient(host, { ...options.client, connectionTimeoutMillis: timeoutMs });
  try {
    await withinTime(client, timeoutMs, async () => {
      await client.connect();
      await checkHost(client, host, options.needs);
      await options.prepare?.(client);
    });
    return client;
  } catch (error) {
    destroy(client);
    throw toFault(host, error);
  }
}

/** Throws DatabaseError `bad_address` when it is one that the driver does not understand. */
export function makeClient(host: DatabaseHost, config: pg.ClientConfig): pg.Client {
  try {
    return new pg.Client({ ...config, connectionString: host.connectionString });
  } catch (error) {
    throw new DatabaseError('bad_address', `the address of ${host.name} cannot be used: ${reasonOf(error)}`);
  }
}

/** Throws HostFault when the server is not what is needed; else what the driver throws. */
export async function checkHost(
  client: Pick<pg.ClientBase, 'query'>,
  host: DatabaseHost,
  needs: ServerNeeds,
): Promise<void> {
  const unfit = await unfitness(client, needs);
  if (unfit !== undefined) throw new HostFault(host, unfit);
}

export function toFault(host: DatabaseHost, error: unknown): HostFault {
  if (error instanceof HostFault) return error;
  return new HostFault(host, { reason: reasonOf(error), unsafe: false, cause: error });
}

/** One clear error of all that was tried. */
export function noPrimary(faults: readonly HostFault[]): DatabaseError {
  const [first] = faults;
  const code = faults.some(({ unsafe }) => unsafe) ? 'unsafe_settings' : 'no_primary';
  if (first === undefined || faults.length > 1) {
    const each = faults.map(({ message }) => message).join('; ');
    return new DatabaseError(code, `none of the database servers can be used: ${each}`, first);
  }
  return new DatabaseError(code, `the database server cannot be used: ${first.message}`, first.cause ?? first);
}

/** Ends a connection at once, without a word to the server. */
export function destroy(client: pg.ClientBase): void {
  const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
  stream.destroy();
}

/**
 * Opens a connection. One on which that takes longer is destroyed: the server, or the way to it, is silent. From here on
 * there is a listener for its loss, at whatever moment: without one that would end the process.
 */
export async function withinTime<T>(client: pg.ClientBase, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  client.on('error', () => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      destroy(client);
      reject(new Error(`no reply from the database within ${timeoutMs} ms`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Several addresses of one name fail together as an error without a text of its own. */
function reasonOf(error: unknown): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message : String(first);
}
