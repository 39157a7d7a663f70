import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

/** Where clients are kept between runs: outside the checkout, one folder for each exact version. */
export function clientCacheDir(env: NodeJS.ProcessEnv): string {
  const own = env['SIGSTEAD_CLIENT_CACHE'];
  if (own !== undefined && isAbsolute(own)) return own;
  const xdg = env['XDG_CACHE_HOME'];
  return join(xdg !== undefined && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'sigstead', 'clients');
}

/** Whether a folder is there. A folder of the cache is there whole or not at all. */
export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Fills a folder beside its place and renames it, so that an interrupted or failed install leaves nothing that looks
 * finished. When two runs install the same at once, the first one wins and both use it.
 */
export async function installInto(target: string, fill: (folder: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const draft = await mkdtemp(`${target}.draft-`);
  try {
    await fill(draft);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    if ((code === 'ENOTEMPTY' || code === 'EEXIST') && (await isThere(target))) return;
    throw error;
  }
}
