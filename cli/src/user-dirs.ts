import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** What decides where a user's files go. */
export interface UserContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  /** Effective user id; undefined where there is none. */
  readonly uid: number | undefined;
  readonly home: string;
}

/** The user this process runs as. */
export function currentUser(): UserContext {
  return { env: process.env, platform: process.platform, uid: process.geteuid?.(), home: homedir() };
}

/**
 * Where an instance lives when nobody says where. Root has a system folder: PostgreSQL then runs under another uid,
 * which can enter no home directory. SPEC: XDG Base Directory Specification (relative values are ignored).
 */
export function defaultDataDir(user: UserContext): string {
  if (user.uid === 0) return '/var/lib/sigstead';
  if (user.platform === 'darwin') return join(user.home, 'Library', 'Application Support', 'sigstead');
  return join(xdg(user, 'XDG_DATA_HOME') ?? join(user.home, '.local', 'share'), 'sigstead');
}

/** Where the caches of the clients of any instance live. */
export function cacheDir(user: UserContext): string {
  const fallback = user.platform === 'darwin' ? join(user.home, 'Library', 'Caches') : join(user.home, '.cache');
  return join(xdg(user, 'XDG_CACHE_HOME') ?? fallback, 'sigstead');
}

function xdg(user: UserContext, name: string): string | undefined {
  const value = user.env[name];
  return value !== undefined && isAbsolute(value) ? value : undefined;
}

/** DATABASE_URL; an empty one counts as not set, as for other programs. */
export function databaseUrl(user: UserContext): string | undefined {
  const url = user.env['DATABASE_URL'];
  return url === '' ? undefined : url;
}
