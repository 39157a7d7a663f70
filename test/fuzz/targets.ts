import { globSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FuzzTarget } from './target.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');

/** Files with targets, each of which exports them as `targets`. */
export function targetFiles(): string[] {
  return globSync(['packages/*/test/fuzz/*.fuzz.ts', 'services/*/test/fuzz/*.fuzz.ts'], { cwd: ROOT })
    .sort()
    .map((file) => join(ROOT, file));
}

/** All targets by name. Throws when two share one, or one has no seed. */
export async function allTargets(files: readonly string[] = targetFiles()): Promise<Map<string, FuzzTarget>> {
  const targets = new Map<string, FuzzTarget>();
  for (const file of files) {
    const module = (await import(pathToFileURL(file).href)) as { targets: readonly FuzzTarget[] };
    for (const target of module.targets) {
      if (targets.has(target.name)) throw new Error(`two targets are called ${target.name}`);
      if (target.seeds.length === 0) throw new Error(`${target.name} has no seeds`);
      targets.set(target.name, target);
    }
  }
  return targets;
}
