import type { Server as HttpServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { ListenError, type ListenErrorCode, type ListenOptions } from './types.ts';

const FREE_PORT_ATTEMPTS = 8;
/** New connections that wait to be accepted; the kernel may allow fewer. Node's 511 are less than one flood brings. */
const BACKLOG = 4096;

export interface Listeners<S extends Server> {
  servers: S[];
  port: number;
  /** Host and port of each listener, IPv6 in brackets. */
  addresses: string[];
}

/**
 * Opens one server for each address of the host, all on the same port.
 * @throws {ListenError} when an address is taken, forbidden or not ours
 */
export async function openListeners<S extends Server>(newServer: () => S, at: ListenOptions): Promise<Listeners<S>> {
  const host = at.host ?? 'localhost';
  if (host !== 'localhost') return asListeners([await open(newServer(), { ...at, host })]);
  for (let attempt = 1; ; attempt++) {
    const first = await open(newServer(), { ...at, host: '127.0.0.1' });
    const { port } = first.address() as AddressInfo;
    try {
      return asListeners([first, await open(newServer(), { ...at, host: '::1', port })]);
    } catch (error) {
      const code = error instanceof ListenError ? error.code : undefined;
      // A machine without IPv6 has only the one address.
      if (code === 'address_unavailable') return asListeners([first]);
      await new Promise((resolve) => first.close(resolve));
      // Someone else holds a free port's number on ::1 only: take another.
      if (code !== 'port_taken' || at.port !== 0 || attempt >= FREE_PORT_ATTEMPTS) throw error;
    }
  }
}

function open<S extends Server>(server: S, at: ListenOptions & { host: string }): Promise<S> {
  const { host, port, shared = false } = at;
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => reject(listenError(error, host, port));
    server.once('error', fail);
    server.listen({ host, port, exclusive: !shared, backlog: BACKLOG }, () => {
      server.removeListener('error', fail);
      resolve(server);
    });
  });
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): ListenError {
  const where = `${host} port ${port}`;
  const known: Readonly<Record<string, [ListenErrorCode, string]>> = {
    EADDRINUSE: ['port_taken', `${where} is taken by another program`],
    EADDRNOTAVAIL: ['address_unavailable', `${host} is no address of this machine`],
    EAFNOSUPPORT: ['address_unavailable', `${host} is no address of this machine`],
    ENOTFOUND: ['address_unavailable', `${host} is not known`],
    EACCES: ['not_permitted', `not permitted to listen on ${where}`],
  };
  const [code, message] = known[error.code ?? ''] ?? ['listen_failed', `cannot listen on ${where}: ${error.message}`];
  return new ListenError(code, message, error);
}

function asListeners<S extends Server>(servers: S[]): Listeners<S> {
  const infos = servers.map((server) => server.address() as AddressInfo);
  const addresses = infos.map((info) => `${info.family === 'IPv6' ? `[${info.address}]` : info.address}:${info.port}`);
  return { servers, port: infos[0]?.port ?? 0, addresses };
}

/** Stops accepting, lets what is under way end, and cuts what is left at the deadline. */
export async function closeAll(servers: readonly HttpServer[], deadlineMs: number): Promise<void> {
  const cut = setTimeout(() => servers.forEach((server) => server.closeAllConnections()), deadlineMs);
  try {
    await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  } finally {
    clearTimeout(cut);
  }
}
