import type { Socket } from 'node:net';
import type { ConnectionState } from './connection-state.ts';

/**
 * For a timeout that struck a connection. When this process had no time to read, the bytes that it says it waited for may
 * lie in the kernel; to close then would reset a connection whose client did all in time. So what lies there is read first.
 * Only if nothing did, or the request is still not whole a grace later, `cut` is called.
 */
export function unlessLate(
  { socket, state }: { socket: Socket; state: ConnectionState },
  graceMs: number,
  cut: () => void,
): void {
  const before = { bytes: socket.bytesRead, ...state };
  const isWhole = (): boolean => {
    if (state.current !== undefined) return state.current.req.complete;
    return before.current !== undefined || state.heads > before.heads;
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
