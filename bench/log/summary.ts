import type { CheckerAnswer } from './checker.ts';
import type { Driven } from './drive.ts';
import type { Ledger } from './ledger.ts';

/** CPU seconds spent during a run. */
export interface CpuSpent {
  readonly server: number;
  /** Part of the server's by program name, greatest first. */
  readonly byName: Readonly<Record<string, number>>;
  readonly generator: number;
  /** What all other processes of the machine took, in cores. */
  readonly otherCores: number;
}

/** One run in figures. Times in ms; NaN (JSON: null) where nothing was seen. */
export interface RunSummary {
  readonly name: string;
  readonly requests: number;
  readonly seconds: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly refused: number;
  readonly acceptedPerSecond: number;
  readonly refusedShare: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly refusedP99Ms: number;
  readonly lagP99Ms: number;
  readonly serverCpuSeconds: number;
  readonly acceptedPerCpuSecond: number;
  /** Server CPU of one new entry, as a multiple of one P-256 signature. */
  readonly signsPerEntry: number;
  readonly cpu: CpuSpent;
  readonly verified: number;
  readonly reads: number;
  readonly readP50Ms: number;
  readonly readP99Ms: number;
  readonly faultCount: number;
  readonly faults: readonly string[];
}

/** Puts together what a run showed. Pure. */
export function summarise(run: {
  name: string;
  ledger: Ledger;
  driven: Driven;
  checks: CheckerAnswer;
  cpu: CpuSpent;
  signsPerSecond: number;
}): RunSummary {
  const { name, ledger, driven, checks, cpu, signsPerSecond } = run;
  const { accepted, duplicate, refused } = ledger;
  const seconds = driven.elapsedMs / 1000;
  const checkFaults = [...checks.faults, ...checks.read.faults];
  const acceptedPerCpuSecond = accepted.count / cpu.server;
  return {
    name,
    requests: ledger.answered,
    seconds,
    accepted: accepted.count,
    duplicates: duplicate.count,
    refused: refused.count,
    acceptedPerSecond: accepted.count / seconds,
    refusedShare: refused.count / ledger.answered,
    p50Ms: accepted.quantileMs(0.5),
    p90Ms: accepted.quantileMs(0.9),
    p99Ms: accepted.quantileMs(0.99),
    maxMs: accepted.maxMs,
    refusedP99Ms: refused.quantileMs(0.99),
    lagP99Ms: driven.lag.quantileMs(0.99),
    serverCpuSeconds: cpu.server,
    acceptedPerCpuSecond,
    signsPerEntry: signsPerSecond / acceptedPerCpuSecond,
    cpu,
    verified: checks.checked,
    reads: checks.read.reads,
    readP50Ms: checks.read.p50Ms,
    readP99Ms: checks.read.p99Ms,
    faultCount: ledger.faultCount + checkFaults.length,
    faults: [...ledger.faults, ...checkFaults].slice(0, 10),
  };
}

/** Goodput under overload beside the peak. Pure. */
export interface OverloadView {
  readonly peakPerSecond: number;
  readonly offeredPerSecond: number;
  readonly goodputPerSecond: number;
  readonly goodputOfPeak: number;
  readonly refusedShare: number;
  readonly acceptedP99Ms: number;
}

export function overloadView(peak: RunSummary, flood: RunSummary, offeredPerSecond: number): OverloadView {
  return {
    peakPerSecond: peak.acceptedPerSecond,
    offeredPerSecond,
    goodputPerSecond: flood.acceptedPerSecond,
    goodputOfPeak: flood.acceptedPerSecond / peak.acceptedPerSecond,
    refusedShare: flood.refusedShare,
    acceptedP99Ms: flood.p99Ms,
  };
}

/** Latency at a quarter of the peak, and what is wanted of it. Pure. */
export interface QuarterView {
  readonly peakPerSecond: number;
  readonly offeredPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly isMet: boolean;
}

/** Of a log without witnesses, on two cores. */
export const QUARTER_TARGETS = { p50Ms: 10, p99Ms: 60 } as const;

export function quarterView(peak: RunSummary, quarter: RunSummary, offeredPerSecond: number): QuarterView {
  const { p50Ms, p99Ms } = quarter;
  const isMet = p50Ms <= QUARTER_TARGETS.p50Ms && p99Ms <= QUARTER_TARGETS.p99Ms && !isVoid(quarter);
  return { peakPerSecond: peak.acceptedPerSecond, offeredPerSecond, p50Ms, p99Ms, isMet };
}

/** A run counts when it has no fault, and something was really added and verified. */
export function isVoid(run: RunSummary): boolean {
  return run.faultCount > 0 || run.accepted === 0 || run.verified === 0;
}
