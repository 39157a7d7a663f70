import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

/** One process; the start time tells it from a later one with the same id. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly startTicks: number;
  readonly command: string;
}

export const HAS_PROC = process.platform === 'linux';

/** All processes of this machine that can be seen. Linux only. */
export function allProcesses(): ProcessInfo[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => processInfo(Number(name)) ?? []);
}

/** SPEC: proc(5): the command name of /proc/pid/stat may hold spaces and parentheses; fields count from 3 after it. */
function processInfo(pid: number): ProcessInfo | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie is gone; only its parent has not looked yet.
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
    return { pid, parent: Number(fields[1]), startTicks: Number(fields[19]), command };
  } catch {
    // It ended between the listing and the read.
    return undefined;
  }
}

/** A process's children, their children and so on, without itself. */
export function descendants(pid: number): ProcessInfo[] {
  const all = allProcesses();
  const found: ProcessInfo[] = [];
  let parents = new Set([pid]);
  while (parents.size > 0) {
    const next = all.filter(({ parent }) => parents.has(parent));
    found.push(...next);
    parents = new Set(next.map((one) => one.pid));
  }
  return found;
}

export function isAlive(known: ProcessInfo): boolean {
  return processInfo(known.pid)?.startTicks === known.startTicks;
}

/** Waits until all are gone; rejects with what is left when they take too long. */
export async function untilGone(processes: readonly ProcessInfo[], timeoutMs: number): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const left = processes.filter((one) => isAlive(one));
    if (left.length === 0) return;
    if (performance.now() > deadlineMs) {
      const names = left.map(({ pid, command }) => `${pid} ${command.slice(0, 120)}`).join('\n');
      throw new Error(`still there after ${timeoutMs} ms:\n${names}`);
    }
    await wait(50);
  }
}

/** Resident memory now and at its highest, in MiB. */
export function residentMib(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const read = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? NaN) / 1024;
  return { now: read('VmRSS'), peak: read('VmHWM') };
}

/** A listening TCP socket. */
export interface ListeningSocket {
  readonly address: string;
  readonly port: number;
}

/** The TCP sockets a process listens on. Needs to be its owner or root. SPEC: proc_pid_net(5) */
export function listeningSockets(pid: number): ListeningSocket[] {
  const own = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'latin1')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A' && own.has(fields[9] ?? ''))
      .map((fields) => {
        const [address = '', port = ''] = (fields[1] ?? '').split(':');
        return { address: readAddress(address), port: Number.parseInt(port, 16) };
      }),
  );
}

/** 32-bit words in the byte order of the machine, which is little-endian wherever Node's Linux builds run. */
function readAddress(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => [...Buffer.from(word, 'hex').reverse()]);
  if (bytes.length === 4) return bytes.join('.');
  const text = Buffer.from(bytes).toString('hex').match(/.{4}/g)?.join(':') ?? '';
  if (/^(0000:){7}0001$/.test(text)) return '::1';
  return /^(0000:){7}0000$/.test(text) ? '::' : text;
}
