import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What is known of one connection. */
export interface Connection {
  readonly socket: Socket;
  /** Heads read so far. */
  heads(): number;
  /** The request that is being read or answered. */
  current(): ServerResponse | undefined;
}

/**
 * For a timeout that struck a connection. When this process had no time to read, the bytes that it says it waited for may
 * lie in the kernel; to close then would reset a connection whose client did all in time. So what lies there is read first.
 * Only if nothing did, or the request is still not whole a grace later, `cut` is called.
 */
export function unlessLate(connection: Connection, graceMs: number, cut: () => void): void {
  const { socket } = connection;
  const before = { bytes: socket.bytesRead, heads: connection.heads(), current: connection.current() };
  const isWhole = (): boolean => {
    const now = connection.current();
    if (now !== undefined) return now.req.complete;
    return before.current !== undefined || connection.heads() > before.heads;
  };
  // Timers come before reading in a turn of the event loop, and this after it.
  setImmediate(() => {
    if (socket.destroyed || (socket.bytesRead > before.bytes && isWhole())) return;
    if (socket.bytesRead === before.bytes) return cut();
    setTimeout(() => {
      if (!socket.destroyed && !isWhole()) cut();
    }, graceMs).unref();
  });
}
