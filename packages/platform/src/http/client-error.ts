import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Answers what is no HTTP request, in the shape of Go's server, and ends the connection.
 * `current` is the answer under way on this connection, if any: when it has begun, nothing may be mixed into it.
 */
export function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  current: ServerResponse | undefined,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable || current?.headersSent === true) {
    socket.destroy();
    return;
  }
  const status = statusLine(error.code);
  const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n`;
  socket.end(`${head}Content-Length: ${status.length}\r\n\r\n${status}`, () => socket.destroy());
}

function statusLine(code: string | undefined): string {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return '431 Request Header Fields Too Large';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return '408 Request Timeout';
    default:
      return '400 Bad Request';
  }
}
