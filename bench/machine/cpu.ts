import { readdirSync, readFileSync } from 'node:fs';

/** Kernel clock ticks a second, the unit of /proc/PID/stat. */
const TICKS_PER_SECOND = 100;

export interface ProcessStat {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
  /** User and system time, with that of children that ended and were waited for. */
  readonly cpuSeconds: number;
}

/**
 * User and system seconds of processes and all their descendants. Children that ended are in their parent's account.
 * Linux only: reads /proc.
 */
export function treeCpuSeconds(...roots: number[]): number {
  return sum(processTree(roots));
}

/** The same by name of the program, as the kernel shortens it; Node calls its process after its main thread. */
export function treeCpuByName(...roots: number[]): Map<string, number> {
  const byName = new Map<string, number>();
  for (const stat of processTree(roots)) {
    const name = stat.name.replace(/-MainThread$/, '');
    byName.set(name, (byName.get(name) ?? 0) + stat.cpuSeconds);
  }
  return byName;
}

/** The processes and all their descendants that run now. */
export function processTree(roots: readonly number[]): ProcessStat[] {
  const stats = allStats();
  const members = new Set(roots);
  for (let grew = true; grew; ) {
    grew = false;
    for (const { pid, parent } of stats) {
      if (members.has(parent) && !members.has(pid)) {
        members.add(pid);
        grew = true;
      }
    }
  }
  return stats.filter(({ pid }) => members.has(pid));
}

/**
 * Seconds that all cores together were busy since the start of the machine. SPEC: proc(5), /proc/stat: user, nice,
 * system, irq, softirq, steal.
 */
export function machineCpuSeconds(): { busy: number; stolen: number } {
  const fields = (readFileSync('/proc/stat', 'latin1').split('\n', 1)[0] ?? '').split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  return { busy: (user + nice + system + irq + softirq) / TICKS_PER_SECOND, stolen: steal / TICKS_PER_SECOND };
}

function sum(stats: readonly ProcessStat[]): number {
  return stats.reduce((total, { cpuSeconds }) => total + cpuSeconds, 0);
}

function allStats(): ProcessStat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [parseStat(readFileSync(`/proc/${name}/stat`, 'latin1'))];
      } catch {
        // The process ended between the listing and the read.
        return [];
      }
    });
}

/** SPEC: proc(5), /proc/pid/stat: fields 1, 2, 4, 14-17. The command name may hold spaces and parentheses. */
export function parseStat(text: string): ProcessStat {
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3] ?? 0);
  const ticks = field(14) + field(15) + field(16) + field(17);
  const name = text.slice(text.indexOf('(') + 1, end);
  return { pid: Number.parseInt(text, 10), name, parent: field(4), cpuSeconds: ticks / TICKS_PER_SECOND };
}
