import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** State of a listening socket. SPEC: Linux net/tcp_states.h */
const LISTEN = '0A';

/** Processes that listen on a TCP port of this machine, as far as this user may see them. Linux only: reads /proc. */
export function listenersOn(port: number): number[] {
  const inodes = new Set(['tcp', 'tcp6'].flatMap((table) => listeningInodes(readTable(table), port)));
  if (inodes.size === 0) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && socketsOf(name).some((inode) => inodes.has(inode)))
    .map(Number);
}

/** SPEC: proc(5), /proc/net/tcp: local address in hexadecimal, state, inode are fields 1, 3 and 9. */
export function listeningInodes(table: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(wanted) === true && fields[3] === LISTEN)
    .map((fields) => fields[9] ?? '');
}

function readTable(name: string): string {
  try {
    return readFileSync(`/proc/net/${name}`, 'latin1');
  } catch {
    // A machine without IPv6 has one table only.
    return '';
  }
}

function socketsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode === undefined ? [] : [inode];
    });
  } catch {
    // Ended, or another user's.
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed meanwhile.
    return '';
  }
}
