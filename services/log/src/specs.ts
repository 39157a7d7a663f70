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
      throw misconfigured(`log "${spec.name}" cannot be exported: only Rekor v2 logs have a layout for it`);
    }
    // Clients derive the paths of a Rekor v2 log from its origin alone, so one origin has room for one such log.
    const taken = spec.kind === 'rekor-v2' ? ['/api/v2/log/entries', ...prefixesOf(spec)] : prefixesOf(spec);
    for (const path of taken) {
      if (paths.has(path)) throw misconfigured(`two logs would be served at "${path}"`);
      paths.add(path);
    }
  }
}

/** Where the log's tree (rekor-v2) or its `/ct/v1/` (ct) is served. */
export function prefixesOf(spec: LogSpec): readonly string[] {
  return spec.basePaths ?? (spec.kind === 'rekor-v2' ? ['', '/api/v2'] : [`/ct/${spec.name}`]);
}

export function misconfigured(text: string): LogError {
  return new LogError('misconfigured', text);
}
