import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT, type Step } from './step.ts';

/** What this file reads of a lock file. */
export interface LockFile {
  packages: Record<string, LockedPackage>;
}

export interface LockedPackage {
  version?: string;
  integrity?: string;
  resolved?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  license?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

export const LOCK_FILE = join(ROOT, 'package-lock.json');

const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];

/**
 * Optional packages that are named in the lock file and have no entry in it. npm leaves the entry out when a registry does not hold
 * the package (a mirror often lacks other platforms' binaries), and then refuses the file in `npm ci`.
 */
export function missingEntries(lock: LockFile): { name: string; version: string; dev: boolean }[] {
  const missing = new Map<string, { name: string; version: string; dev: boolean }>();
  for (const locked of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(locked.optionalDependencies ?? {})) {
      if (lock.packages[`node_modules/${name}`] === undefined)
        missing.set(name, { name, version, dev: locked.dev === true });
    }
  }
  return [...missing.values()];
}

/**
 * The entry npm would have written, from the platform in the package's name; undefined for a name that tells none. It has no
 * integrity: nothing was downloaded, and on the platforms that the file was made on nothing ever is.
 */
export function platformEntry(wanted: { name: string; version: string; dev: boolean }): LockedPackage | undefined {
  const words = wanted.name.slice(wanted.name.lastIndexOf('/') + 1).split('-');
  const os = SYSTEMS.find((name) => words.includes(name));
  const cpu = PROCESSORS.find((name) => words.includes(name));
  if (os === undefined || cpu === undefined || !/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(wanted.version))
    return undefined;
  const isMusl = words.some((word) => word.startsWith('musl'));
  return {
    version: wanted.version,
    cpu: [cpu],
    ...(wanted.dev ? { dev: true } : {}),
    ...(os === 'linux' ? { libc: [isMusl ? 'musl' : 'glibc'] } : {}),
    optional: true,
    os: [os],
  };
}

export async function readLockFile(): Promise<LockFile> {
  return JSON.parse(await readFile(LOCK_FILE, 'utf8')) as LockFile;
}

/** `npm ci` takes the lock file on every platform, and it names no registry. */
export const lockFile: Step = {
  name: 'lock file',
  async run() {
    const lock = await readLockFile();
    const problems = missingEntries(lock).map(({ name }) => `no entry for ${name}: run "npm run lock"`);
    for (const [path, { resolved }] of Object.entries(lock.packages)) {
      if (resolved?.startsWith('http') === true) problems.push(`${path} names a registry: ${resolved}`);
    }
    return { ok: problems.length === 0, output: problems.join('\n') };
  },
};
