import { constants } from 'node:fs';
import { chmod, mkdir, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Account } from './account.ts';
import { EmbeddedPostgresError } from './errors.ts';
import { run } from './run.ts';

/** What lies in the data folder. The folder is ours alone. */
export interface Layout {
  root: string;
  /** PGDATA. */
  cluster: string;
  programs: string;
  log: string;
  owner: string;
}

export function layoutOf(dataDir: string): Layout {
  const root = resolve(dataDir);
  return {
    root,
    cluster: join(root, 'cluster'),
    programs: join(root, 'programs'),
    log: join(root, 'postgres.log'),
    owner: join(root, 'owner.json'),
  };
}

/** Makes the folder so that the account can enter it. Parents that are already there are never changed. */
export async function prepareFolder(layout: Layout, account: Account): Promise<void> {
  const existing = await nearestExisting(layout.root);
  await assertReachable(existing === layout.root ? dirname(existing) : existing, layout.root, account);
  try {
    const first = await mkdir(layout.root, { recursive: true, mode: 0o755 });
    if (!account.switched) return;
    // The umask may have closed the folders made just now.
    if (first !== undefined) await openUpTo(layout.root, first);
    else await chmod(layout.root, ((await stat(layout.root)).mode & 0o777) | 0o011);
  } catch (cause) {
    const message = `cannot write to ${layout.root}: choose another folder with --data, or correct its owner`;
    throw new EmbeddedPostgresError('data_not_writable', message, cause);
  }
  await assertReachable(layout.root, layout.root, account);
}

async function openUpTo(path: string, first: string): Promise<void> {
  for (let at = path; ; at = dirname(at)) {
    await chmod(at, 0o755);
    if (at === first || at === dirname(at)) return;
  }
}

async function nearestExisting(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    if ((await stat(at).catch(() => undefined))?.isDirectory() === true || at === dirname(at)) return at;
  }
}

/** Lets the account itself try to enter, which takes every kind of permission into account. */
async function assertReachable(path: string, wanted: string, account: Account): Promise<void> {
  if (!account.switched) return;
  const ended = await run(account, '/', '/bin/sh', ['-c', 'cd -- "$1"', 'sh', path]);
  if (ended.code === 0) return;
  const blocked = await firstBlocked(path, account);
  const message =
    `PostgreSQL cannot run as root and its account "${account.name}" cannot enter ${blocked}: ` +
    `choose a folder it can reach instead of ${wanted} (--data), or run: chmod o+x ${blocked}`;
  throw new EmbeddedPostgresError('data_unreachable', message);
}

async function firstBlocked(path: string, account: Account): Promise<string> {
  const steps: string[] = [];
  for (let at = path; at !== dirname(at); at = dirname(at)) steps.unshift(at);
  for (const step of steps) {
    const ended = await run(account, '/', '/bin/sh', ['-c', 'cd -- "$1"', 'sh', step]);
    if (ended.code !== 0) return step;
  }
  return path;
}

/** `/.s.PGSQL.5432` and the final NUL must also fit into sockaddr_un. */
const MAX_SOCKET_FOLDER = 107 - '/.s.PGSQL.5432'.length;
/** macOS has 104 bytes where Linux has 108. */
const DARWIN_SHORTER = 4;

/**
 * The folder of the Unix socket, which only the account can enter: in the data folder, or, where that path is too long
 * for a socket, a new one of ours among the temporary files. `remove` takes a temporary one away.
 */
export async function makeSocketFolder(
  layout: Layout,
  account: Account,
): Promise<{ path: string; remove(): Promise<void> }> {
  const inside = join(layout.root, 'run');
  const limit = process.platform === 'darwin' ? MAX_SOCKET_FOLDER - DARWIN_SHORTER : MAX_SOCKET_FOLDER;
  if (Buffer.byteLength(inside) <= limit) {
    await mkdir(inside, { recursive: true, mode: 0o700 });
    await giveTo(account, inside);
    return { path: inside, remove: async () => {} };
  }
  const base = Buffer.byteLength(tmpdir()) <= limit - 24 ? tmpdir() : '/tmp';
  const path = await mkdtemp(join(base, 'sigstead-pg-'));
  await giveTo(account, path);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/**
 * Makes the account the owner of a folder that only the owner enters. Never through a symbolic link: as root, in a
 * folder that someone else may write to, a link could name anything.
 */
export async function giveTo(account: Account, path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if (account.switched) await folder.chown(account.uid, account.gid);
    await folder.chmod(0o700);
  } finally {
    await folder.close();
  }
}
