import type { Fail } from './listener-rules.ts';
import type { LogFile, ServeFile } from './sections.ts';

/** Where a Rekor v2 log is on its listener: '' at its root. */
export function basePathOf({ basePath, publicUrl }: Pick<LogFile, 'basePath' | 'publicUrl'>): string {
  return basePath ?? new URL(publicUrl).pathname.replace(/\/$/, '');
}

/** What belongs to the shards of Rekor v2 alone: base paths, further signers, and which log follows which. */
export function checkShards({ logs, mode }: ServeFile, fail: Fail): void {
  logs.forEach((log, i) => {
    const path = `logs[${i}]`;
    if (log.kind !== 'rekor-v2') {
      if (log.basePath !== undefined)
        fail(`${path}.basePath`, 'is for kind rekor-v2 only: a ct log has its path in publicUrl');
      if (log.alsoSign.length > 0) fail(`${path}.alsoSign`, 'is for kind rekor-v2 only');
      if (log.follows !== undefined) fail(`${path}.follows`, 'is for kind rekor-v2 only');
      return;
    }
    checkPath(log, path, mode, fail);
    if (log.follows !== undefined) checkFollows(logs, i, fail);
  });
}

function checkPath({ basePath, publicUrl }: LogFile, path: string, mode: ServeFile['mode'], fail: Fail): void {
  const { pathname } = new URL(publicUrl);
  if (pathname === '/') return;
  if (mode === 'production') {
    const remedy = 'basePath says where it is on its listener';
    fail(`${path}.publicUrl`, `must have no path: clients derive the origin from its host alone (${remedy})`);
  } else if (basePath !== undefined && basePath !== pathname) {
    fail(`${path}.basePath`, `is not the path of publicUrl (${pathname}): leave it out`);
  }
}

function checkFollows(logs: readonly LogFile[], i: number, fail: Fail): void {
  const path = `logs[${i}].follows`;
  const followed = logs[i]?.follows;
  const other = logs.find(({ name }) => name === followed);
  if (other?.kind !== 'rekor-v2') {
    return fail(
      path,
      `no log of kind rekor-v2 is named ${followed}: once that one is served no longer, leave this key out`,
    );
  }
  const first = logs.findIndex((log) => log.follows === followed);
  if (first < i) return fail(path, `logs[${first}] follows ${followed} already: one log has one successor`);
  const seen = new Set<string>();
  for (let at: LogFile | undefined = logs[i]; at?.follows !== undefined; at = nameOf(logs, at.follows)) {
    if (seen.has(at.name)) return fail(path, 'leads round in a circle');
    seen.add(at.name);
  }
}

function nameOf(logs: readonly LogFile[], wanted: string): LogFile | undefined {
  return logs.find(({ name }) => name === wanted);
}
