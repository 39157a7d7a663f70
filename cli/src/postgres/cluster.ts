import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Account } from './account.ts';
import { EmbeddedPostgresError } from './errors.ts';
import { giveTo, type Layout } from './folder.ts';
import type { Programs } from './programs.ts';
import { run } from './run.ts';

/** The database's own superuser; it exists only inside this cluster and has no password: the socket is the guard. */
export const DATABASE_USER = 'sigstead';

/**
 * Makes the cluster when there is none, and checks that it is one of ours. It is made beside its place and appears by
 * a rename: a crash half way leaves no broken cluster, only a draft that the next start removes.
 */
export async function prepareCluster(
  layout: Layout,
  account: Account,
  programs: Programs,
  onInit: () => void,
): Promise<void> {
  await removeDrafts(layout.cluster);
  if ((await stat(layout.cluster).catch(() => undefined)) === undefined) {
    onInit();
    await initialise(layout, account, programs);
  }
  await checkCluster(layout, account, programs);
}

async function removeDrafts(cluster: string): Promise<void> {
  const folder = dirname(cluster);
  for (const name of await readdir(folder)) {
    if (name.startsWith('.cluster-')) await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function initialise(layout: Layout, account: Account, programs: Programs): Promise<void> {
  const draft = join(layout.root, `.cluster-${randomUUID()}`);
  await mkdir(draft, { mode: 0o700 });
  await giveTo(account, draft);
  const args = ['-D', draft, '-U', DATABASE_USER, '--auth=trust', '--encoding=UTF8', '--locale=C', '--data-checksums'];
  const ended = await run(account, layout.root, programs.initdb, [...args, '--no-instructions']).catch(startFailed);
  if (ended.code !== 0) {
    await rm(draft, { recursive: true, force: true });
    const last = ended.output.trim().split('\n').at(-1) ?? '';
    throw new EmbeddedPostgresError('start_failed', `initdb failed: ${last}`, new Error(ended.output));
  }
  await rename(draft, layout.cluster);
}

function startFailed(cause: unknown): never {
  throw new EmbeddedPostgresError('start_failed', 'initdb could not be run: see the cause in the log', cause);
}

async function checkCluster(layout: Layout, account: Account, programs: Programs): Promise<void> {
  const owner = (await stat(layout.cluster)).uid;
  if (owner !== account.uid) {
    const message = `${layout.cluster} belongs to uid ${owner}, not to ${account.name}: run as its owner, or choose another folder with --data`;
    throw new EmbeddedPostgresError('data_not_writable', message);
  }
  const version = (await readFile(join(layout.cluster, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  if (version !== programs.major) {
    const found = version === '' ? 'no PostgreSQL data' : `data of PostgreSQL ${version}`;
    const message = `${layout.cluster} holds ${found}, this release runs PostgreSQL ${programs.major}: dump and restore it, or choose another folder with --data`;
    throw new EmbeddedPostgresError('data_other_version', message);
  }
}
