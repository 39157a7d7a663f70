/** `npm run check`: format, lint, types, boundaries and the rules of the repository. One line a step; exit code 0 when all hold. */
import { boundaries, boundaryRules } from './support/check/boundaries.ts';
import { lockFile } from './support/check/lock-file.ts';
import { exactVersions, machinePaths } from './support/check/repository.ts';
import { toolStep, type Step, type StepResult } from './support/check/step.ts';

/** The slow ones first: they run two at a time. */
const STEPS: readonly Step[] = [
  toolStep('types', 'tsc', ['--project', 'tsconfig.json', '--pretty', 'false']),
  boundaries,
  boundaryRules,
  toolStep('lint', 'oxlint', ['--type-aware', '--deny-warnings', '.']),
  toolStep('format', 'biome', ['format', '--max-diagnostics=50', '.']),
  machinePaths,
  exactVersions,
  lockFile,
];
const CONCURRENCY = 2;

const waiting = [...STEPS];
let failed = 0;
await Promise.all(Array.from({ length: CONCURRENCY }, work));
console.log(failed === 0 ? `all ${STEPS.length} steps hold` : `${failed} of ${STEPS.length} steps failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function work(): Promise<void> {
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
    const startMs = performance.now();
    const { ok, output } = await attempt(step);
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    console.log(`${ok ? 'ok  ' : 'FAIL'}  ${step.name.padEnd(15)} ${seconds} s`);
    if (ok) continue;
    failed += 1;
    console.log(output.trimEnd().replace(/^/gm, '      '));
  }
}

/** A tool that is missing or breaks is a failed step, not the end of the others. */
async function attempt(step: Step): Promise<StepResult> {
  try {
    return await step.run();
  } catch (error) {
    return { ok: false, output: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
