import { connect, type Socket } from 'node:net';
import type { Shot } from './wire.ts';

/** What came back on one connection. */
export interface Outcome {
  /** Final status; undefined when the connection ended without an answer. */
  readonly status: number | undefined;
  readonly text: string;
  /** The deadline passed with neither a whole answer nor the end of the connection. */
  readonly hung: boolean;
}

/** A lone client under no load waits this long for anything. */
const DEADLINE_MS = 8_000;
const HEAD = Buffer.from('HEAD ');

/** One connection, one shot, until the answer is whole or the connection ends. */
export function fire(port: number, shot: Shot): Promise<Outcome> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    const finish = (hung: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      const text = Buffer.concat(chunks).toString('latin1');
      resolve({ status: finalStatus(text), text, hung });
    };
    const timer = setTimeout(() => finish(true), DEADLINE_MS);
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (isWhole(shot, Buffer.concat(chunks).toString('latin1'))) finish(false);
    });
    socket.on('end', () => finish(false));
    socket.on('close', () => finish(false));
    // A reset after a refusal is an end like another.
    socket.on('error', () => undefined);
    write(socket, shot);
  });
}

function write(socket: Socket, shot: Shot): void {
  if (shot.whole) socket.write(shot.bytes);
  else socket.end(shot.bytes);
}

/** The status of the last answer that is no interim one. */
function finalStatus(text: string): number | undefined {
  const statuses = [...text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map(([, status]) => Number(status));
  return statuses.findLast((status) => status >= 200);
}

/** Only an answer on a connection that stays open needs to be measured; the others end with it. */
function isWhole(shot: Shot, text: string): boolean {
  const start = /^HTTP\/1\.1 [2-5]\d\d[^]*$/m.exec(text)?.[0];
  if (start === undefined) return false;
  const end = start.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const head = start.slice(0, end).toLowerCase();
  if (/\r\nconnection: close/.test(head)) return false;
  if (shot.bytes.subarray(0, 5).equals(HEAD) || /^http\/1\.1 (?:204|304)/.test(head)) return true;
  const length = /\r\ncontent-length: (\d+)/.exec(head)?.[1];
  if (length !== undefined) return start.length >= end + 4 + Number(length);
  return !head.includes('\r\ntransfer-encoding: chunked') || start.endsWith('0\r\n\r\n');
}
