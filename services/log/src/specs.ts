import { isNoteName } from '@sigstead/formats';
import { LogError } from './core/errors.ts';
import type { LogSpec } from './options.ts';

const LOG_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** Refuses what cannot be served together, before anything is opened or created. Throws `misconfigured`. */
export function checkSpecs(specs: readonly LogSpec[]): void {
  const names = new Set<string>();
  const paths = new Set<string>();
  for (const spec of specs) {
    if (!LOG_NAME.test(spec.name)) throw misconfigured(`"${spec.name}" is no name for a log`);
    if (names.has(spec.name)) throw misconfigured(`two logs are named "${spec.name}"`);
    names.add(spec.name);
    if (spec.export !== undefined && spec.kind !== 'rekor-v2') {
      throw misconfigured(`log "${spec.name}" cannot be exported: only Rekor v2 logs are`);
    }
    checkCt(spec);
    if (spec.kind !== 'rekor-v2' && spec.alsoSign !== undefined && spec.alsoSign.length > 0) {
      throw misconfigured(
        `log "${spec.name}" has further signers: only checkpoints of Rekor v2 logs have room for them`,
      );
    }
    for (const base of basePathsOf(spec)) {
      for (const path of pathsBelow(base, spec)) {
        if (paths.has(path)) throw misconfigured(`two logs would be served at "${base}"`);
        paths.add(path);
      }
    }
  }
}

/** What no other log can be served at. */
function pathsBelow(base: string, { kind, leafIndex }: LogSpec): string[] {
  return [
    ...(kind === 'ct' ? [base] : []),
    ...(kind === 'rekor-v2' || leafIndex === true ? [`${base}/checkpoint`] : []),
  ];
}

function checkCt({ name, kind, origin, leafIndex, rootSources, admission }: LogSpec): void {
  if (kind !== 'ct' && (leafIndex ?? rootSources ?? admission) !== undefined) {
    throw misconfigured(`log "${name}": leafIndex, rootSources and admission are for kind ct`);
  }
  if (leafIndex === true && !isNoteName(origin)) throw misconfigured(`"${origin}" is no origin for checkpoints`);
  const { notAfterStartMs = Number.NEGATIVE_INFINITY, notAfterLimitMs = Number.POSITIVE_INFINITY } = admission ?? {};
  if (notAfterStartMs >= notAfterLimitMs) throw misconfigured(`log "${name}" has an empty window of notAfter`);
  if (admission?.rejectExpired === true && admission.rejectUnexpired === true) {
    throw misconfigured(`log "${name}" would reject everything: expired and unexpired`);
  }
}

/** What everything of the log is below: its `api/v2/`, `checkpoint` and `tile/` (rekor-v2), its `ct/v1/` (ct). */
export function basePathsOf(spec: Pick<LogSpec, 'name' | 'kind' | 'basePaths'>): readonly string[] {
  return spec.basePaths ?? (spec.kind === 'rekor-v2' ? [''] : [`/ct/${spec.name}`]);
}

export function misconfigured(text: string): LogError {
  return new LogError('misconfigured', text);
}
