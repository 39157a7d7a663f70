import { readdirSync, readFileSync } from 'node:fs';

/** Kernel clock ticks a second, the unit of /proc/PID/stat. */
const TICKS_PER_SECOND = 100;

interface ProcessStat {
  pid: number;
  parent: number;
  cpuSeconds: number;
}

/**
 * User and system seconds of a process, all its descendants, and what they waited for. Children that ended are in their parent's account.
 * Linux only: reads /proc.
 */
export function treeCpuSeconds(rootPid: number): number {
  const stats = allStats();
  const members = new Set([rootPid]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const { pid, parent } of stats) {
      if (members.has(parent) && !members.has(pid)) {
        members.add(pid);
        grew = true;
      }
    }
  }
  return stats.filter(({ pid }) => members.has(pid)).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
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

/** SPEC: proc(5), /proc/pid/stat: fields 1, 4, 14-17. The command name may hold spaces and parentheses. */
function parseStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3] ?? 0);
  const ticks = field(14) + field(15) + field(16) + field(17);
  return { pid: Number.parseInt(text, 10), parent: field(4), cpuSeconds: ticks / TICKS_PER_SECOND };
}
