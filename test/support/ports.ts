import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that the kernel hands to outgoing connections (32768 on Linux, 49152 elsewhere). */
const LOWEST = 10_240;
const HIGHEST = 32_767;

const given = new Set<number>();

/**
 * A port of this machine on which nothing listens, for a program that must be told its port before it starts. The kernel's own
 * choice would be open to every outgoing connection of the programs beside, until that program listens.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1));
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port between ${LOWEST} and ${HIGHEST}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    // The unspecified address meets a listener on any address, of IPv4 and IPv6.
    await once(server.listen(port), 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
