import { machineCpuSeconds, treeCpuSeconds } from '../machine/cpu.ts';

/** CPU seconds used between two moments. */
export interface CpuUse {
  readonly node: number;
  /** All processes of the server, those that ended included. */
  readonly postgres: number;
  readonly seconds: number;
  /** What all other programs took, in cores. */
  readonly othersCores: number;
}

/** Starts counting; the returned function tells what was used since. */
export function cpuMeter(postmaster: number): () => CpuUse {
  const startMs = performance.now();
  const node = process.cpuUsage();
  const postgres = treeCpuSeconds(postmaster);
  const machine = machineCpuSeconds().busy;
  return () => {
    const { user, system } = process.cpuUsage(node);
    const used = { node: (user + system) / 1e6, postgres: treeCpuSeconds(postmaster) - postgres };
    const seconds = (performance.now() - startMs) / 1000;
    const others = machineCpuSeconds().busy - machine - used.node - used.postgres;
    return { ...used, seconds, othersCores: Math.max(0, others / seconds) };
  };
}
