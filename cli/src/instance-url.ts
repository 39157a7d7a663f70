import { readInstance } from './dev/instance-file.ts';
import { defaultDataDir, type UserContext } from './user-dirs.ts';

const FALLBACK = 'http://localhost:8080';

/** Which instance a command means: the given URL, else where the default data folder's instance was reached last. */
export async function instanceUrl(given: string | undefined, user: UserContext): Promise<string> {
  if (given !== undefined) return given;
  // A folder that cannot be read is another user's: then the usual address is the best guess.
  const instance = await readInstance(defaultDataDir(user)).catch(() => undefined);
  return instance?.url ?? FALLBACK;
}
