import { readFile } from 'node:fs/promises';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, type Step } from './step.ts';

const SKIPPED = ['**/node_modules', '.git', '**/coverage', '**/.cache'];
/** An absolute path of a builder's machine. Written so that this file does not hold what it looks for. */
const MACHINE_PATH = /(?<![\w.~/-])\/(?:work)\/[\w.-]/;
const EXACT_VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;

/** No file speaks of the machine it was written on. */
export const machinePaths: Step = {
  name: 'paths',
  async run() {
    const files = globSync(['**/*', '.*', '.ci/**/*'], { cwd: ROOT, exclude: SKIPPED, withFileTypes: true });
    const problems: string[] = [];
    let looked = 0;
    for (const entry of files) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const text = await readFile(path, 'latin1');
      looked += 1;
      for (const [i, line] of text.split('\n').entries()) {
        if (MACHINE_PATH.test(line))
          problems.push(`${path.slice(ROOT.length + 1)}:${i + 1}: an absolute path of one machine`);
      }
    }
    if (looked < 10) problems.push(`only ${looked} files seen`);
    return { ok: problems.length === 0, output: problems.join('\n') };
  },
};

interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

/** Every version in every package.json is exact: an install gives the same today and in a year. */
export const exactVersions: Step = {
  name: 'versions',
  async run() {
    const manifests = globSync(['package.json', '*/package.json', '{packages,services}/*/package.json'], { cwd: ROOT });
    const problems = manifests.length < 5 ? [`only ${manifests.length} package.json files seen`] : [];
    for (const path of manifests) {
      const manifest = JSON.parse(await readFile(join(ROOT, path), 'utf8')) as Manifest;
      const { dependencies, devDependencies, optionalDependencies, peerDependencies } = manifest;
      const all = { ...dependencies, ...devDependencies, ...optionalDependencies, ...peerDependencies };
      for (const [name, version] of Object.entries(all)) {
        if (!EXACT_VERSION.test(version)) problems.push(`${path}: ${name} is "${version}", not an exact version`);
      }
    }
    return { ok: problems.length === 0, output: problems.join('\n') };
  },
};
