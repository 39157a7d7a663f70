import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** How long a refused sender may still send into the void. */
const LINGER_MS = 1000;

const lingering = new WeakSet<Socket>();

/**
 * For a body that is refused while it arrives. Closing at once would make the kernel answer the bytes under way with a
 * reset, and the client would lose the answer it has not read yet. So the write side is closed after the answer, and
 * what still comes is thrown away for a moment; then the connection is destroyed.
 * SPEC: RFC 9112 §9.6 (lingering close).
 */
export function lingerAfterAnswer(request: IncomingMessage): void {
  const { socket } = request;
  if (lingering.has(socket)) return;
  lingering.add(socket);
  request.resume();
  // node:http ends a `Connection: close` answer with socket.destroySoon(); this connection takes the slower way.
  socket.destroySoon = () => {
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
    socket.once('end', () => socket.destroy());
  };
}

/** Whether the connection is only waiting for its end: nothing on it may be served any more. */
export function isLingering(socket: Socket): boolean {
  return lingering.has(socket);
}
