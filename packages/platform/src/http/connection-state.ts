import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What a server knows of one of its connections. */
export interface ConnectionState {
  /** Heads of requests read so far. */
  heads: number;
  /** The answer to the request that is being read or served. */
  current: ServerResponse | undefined;
}

const STATE = Symbol('state');

/** Kept on the socket itself: a weak map of thousands of them costs at every collection. */
export function stateOf(socket: Socket & { [STATE]?: ConnectionState }): ConnectionState {
  socket[STATE] ??= { heads: 0, current: undefined };
  return socket[STATE];
}
