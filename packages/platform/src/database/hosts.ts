import { DatabaseError } from './errors.ts';

/** One server of the list. */
export interface DatabaseHost {
  /** `host:port` or a socket's folder, for the operator; never user or password. */
  readonly name: string;
  /** Of this server alone, as the driver understands it. With the password: never to be shown. */
  readonly connectionString: string;
}

/** Servers that a list may have. */
export const MAX_HOSTS = 16;

const FORM = /^(postgres(?:ql)?:\/\/)(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?$/;

/**
 * The servers of one database, of which at most one is the primary, and which of them was so last: new connections try
 * that one first. Shared by all connections of a part of the program; kept in memory only.
 */
export class DatabaseHosts {
  readonly all: readonly DatabaseHost[];
  #preferred: DatabaseHost;

  private constructor(all: readonly DatabaseHost[], first: DatabaseHost) {
    this.all = all;
    this.#preferred = first;
  }

  /**
   * Several servers are written `postgresql://user@h1:5432,h2/db`, or `?host=h1,h2&port=5432`, a socket by its folder.
   * Throws DatabaseError `bad_address`, which shows nothing of what was given.
   * SPEC: PostgreSQL 18, libpq 32.1.1.3 "Specifying Multiple Hosts"; a port may be missing or be the same for all.
   */
  static parse(connectionString: string): DatabaseHosts {
    const all = hostsOf(connectionString);
    const [first] = all;
    if (first === undefined || all.length > MAX_HOSTS) throw bad(`it names more than ${MAX_HOSTS} servers`);
    return new DatabaseHosts(all, first);
  }

  /** The one that is tried first. */
  get preferred(): DatabaseHost {
    return this.#preferred;
  }

  /** Every one, the preferred first, then in the order of the list. */
  inOrder(): DatabaseHost[] {
    return [this.#preferred, ...this.all.filter((host) => host !== this.#preferred)];
  }

  /** Notes that this one was found to be the primary. */
  prefer(host: DatabaseHost): void {
    this.#preferred = host;
  }

  /** All names, as the operator wrote them. */
  toString(): string {
    return this.all.map(({ name }) => name).join(', ');
  }
}

function hostsOf(connectionString: string): DatabaseHost[] {
  const parts = FORM.exec(connectionString);
  // The driver knows older forms of one server, such as the folder of a socket alone.
  if (parts === null) return [{ name: 'the database server', connectionString }];
  const [, scheme = '', user, authority = '', path = '', query = ''] = parts;
  const parameters = query === '' ? [] : query.split('&');
  checkSession(valueOf(parameters, 'target_session_attrs'));
  const hosts = rawOf(parameters, 'host');
  const pairs = hosts === undefined ? fromAuthority(authority) : fromParameters(hosts, valueOf(parameters, 'port'));
  const [only, second] = pairs;
  if (only !== undefined && second === undefined) return [{ name: nameOf(only), connectionString }];
  const rest = parameters.filter((parameter) => !/^(?:host|port|target_session_attrs)=/.test(parameter));
  return pairs.map((pair) => {
    if (pair.host === '') throw bad('a server in its list has no name');
    const own = [...rest, `host=${encodeURIComponent(pair.host)}`, `port=${pair.port}`].join('&');
    // What is before the path counts for nothing beside the parameter, but the driver wants to see something there.
    const at = `${user === undefined ? '' : `${user}@`}localhost`;
    return { name: nameOf(pair), connectionString: `${scheme}${at}${path}?${own}` };
  });
}

interface Pair {
  /** Without brackets; a folder begins with a slash. */
  readonly host: string;
  readonly port: string;
}

const DEFAULT_PORT = '5432';

function fromAuthority(authority: string): Pair[] {
  return authority.split(',').map((element) => {
    const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]*))(?::(\d{0,5}))?$/.exec(element);
    if (match === null) throw bad('a server in its list is not HOST or HOST:PORT');
    return { host: decoded(match[1] ?? match[2] ?? ''), port: portOf(match[3] ?? '') };
  });
}

/** A comma that is written %2C belongs to a folder's name. */
function fromParameters(hosts: string, ports: string | undefined): Pair[] {
  const names = hosts.split(',').map(decoded);
  const numbers = (ports ?? '').split(',');
  if (numbers.length !== 1 && numbers.length !== names.length) throw bad('its ports are not as many as its hosts');
  return names.map((host, i) => ({ host, port: portOf((numbers.length === 1 ? numbers[0] : numbers[i]) ?? '') }));
}

function portOf(text: string): string {
  if (text === '') return DEFAULT_PORT;
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65_535) throw bad('a port in it is no port');
  return String(Number(text));
}

function nameOf({ host, port }: Pair): string {
  if (host === '') return 'the default server';
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** What an entry can only be written to has no use for other servers. SPEC: libpq, target_session_attrs */
function checkSession(attributes: string | undefined): void {
  if (attributes === undefined || attributes === 'primary' || attributes === 'read-write') return;
  throw bad('target_session_attrs is neither primary nor read-write: only the primary is ever used');
}

function valueOf(parameters: readonly string[], name: string): string | undefined {
  const raw = rawOf(parameters, name);
  return raw === undefined ? undefined : decoded(raw);
}

function rawOf(parameters: readonly string[], name: string): string | undefined {
  const found = parameters.findLast((parameter) => parameter.startsWith(`${name}=`));
  return found?.slice(name.length + 1).replaceAll('+', ' ');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw bad('it has a % that is no escape');
  }
}

function bad(why: string): DatabaseError {
  return new DatabaseError('bad_address', `the address of the database cannot be used: ${why}`);
}
