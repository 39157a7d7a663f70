import { readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { EmbeddedPostgresError } from './errors.ts';

/** The account PostgreSQL's processes run under. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
  /** Whether it is another one than ours: then we are root, and its processes must be started under its uid. */
  switched: boolean;
}

const UNPRIVILEGED = 'nobody';

/**
 * PostgreSQL refuses to run as root, and looks its own account up by uid, so that account must exist. As root it is
 * the owner of the existing data, else `nobody`.
 */
export function chooseAccount(clusterDir: string): Account {
  const uid = process.getuid?.();
  if (uid === undefined)
    throw new EmbeddedPostgresError('account_missing', 'this system has no user ids; set DATABASE_URL');
  if (uid !== 0) return ownAccount(uid);
  const passwd = readPasswd();
  const owner = ownerOf(clusterDir);
  const wanted = owner === undefined || owner === 0 ? byName(passwd, UNPRIVILEGED) : byUid(passwd, owner);
  if (wanted !== undefined && wanted.uid !== 0) return wanted;
  const who = owner === undefined || owner === 0 ? `account "${UNPRIVILEGED}"` : `account with uid ${owner}`;
  throw new EmbeddedPostgresError(
    'account_missing',
    `PostgreSQL needs an ${who} to run under: add it, or set DATABASE_URL`,
  );
}

function ownAccount(uid: number): Account {
  try {
    const { username, gid } = userInfo();
    return { name: username, uid, gid, switched: false };
  } catch (cause) {
    const message = `uid ${uid} has no account, which PostgreSQL needs: add one to /etc/passwd, or set DATABASE_URL`;
    throw new EmbeddedPostgresError('account_missing', message, cause);
  }
}

function readPasswd(): Account[] {
  const accounts: Account[] = [];
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name === undefined || uid === undefined || gid === undefined || !/^\d+$/.test(uid) || !/^\d+$/.test(gid))
      continue;
    accounts.push({ name, uid: Number(uid), gid: Number(gid), switched: true });
  }
  return accounts;
}

function byName(accounts: readonly Account[], name: string): Account | undefined {
  return accounts.find((account) => account.name === name);
}

function byUid(accounts: readonly Account[], uid: number): Account | undefined {
  return accounts.find((account) => account.uid === uid);
}

function ownerOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.uid;
}
