import assert from 'node:assert/strict';
import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../support/index.ts';
import { type DebianPostgres, missingPostgres, prepareBase } from './debian-postgres.ts';
import { temporaryFolder } from './environment.ts';
import { entryBody, treeSizeOf } from './exported-log.ts';
import { OperatedSite } from './operated-site.ts';
import { PostgresServers } from './postgres-servers.ts';
import { ServeProcess, sigstead } from './serve-process.ts';

const skip = await missingPostgres();

if (skip !== false) describe('PostgreSQL', { skip }, () => test('a log that went read-only'));
else
  test(
    'docs/runbooks/read-only-log.md, step by step: a second primary, recovery from WAL, a damaged mark, and a log whose end is lost',
    { timeout: 240_000 },
    suite,
  );

async function suite(): Promise<void> {
  const base = await temporaryFolder();
  const servers = new PostgresServers(base);
  const site = await OperatedSite.make(join(base, 'site'));
  try {
    await prepareBase(base, '');
    const first = await servers.initialise();
    await site.use(first);
    await site.create();
    await site.start();
    await site.append(3);
    const backup = await servers.backUp(first);
    await site.append(3);

    const second = await tailIsLost(servers, site, { first, backup });
    await secondPrimaryIsStopped(site, { first, second });
    const recovered = await recoveredFromWal(servers, site, { first, backup });
    await markIsDamaged(site, recovered);
    await recovered.stop('fast');
    await endIsLost(site, second);
  } finally {
    await site.stop();
    await servers.stop();
  }
}

interface Primaries {
  first: DebianPostgres;
  second: DebianPostgres;
}

/** Step 1: what is seen when a fail-over leads to a server that lacks the last entries. */
async function tailIsLost(
  servers: PostgresServers,
  site: OperatedSite,
  { first, backup }: { first: DebianPostgres; backup: string },
): Promise<DebianPostgres> {
  const second = await servers.restore(backup, ['archive_mode = off']);
  await site.stop();
  await site.use(first, second);
  await site.start();
  await site.append(1);
  await first.sql('select pg_switch_wal()');
  await first.stop('immediate');
  const { reason } = await site.untilUnready(/below/);
  assert.match(reason, /size 4 .*size 8 |size 8 .*size 4 /s, 'both heads are named');
  assert.equal((await site.post()).status, 503);
  const status = await site.status();
  assert.notEqual(status.code, 0);
  assert.match(status.stdout + status.stderr, /the database \(size 4 root .*\) is below the mark \(size 8 root /);
  return second;
}

/** Steps 2 and 3: the right primary is back, the wrong one is stopped and kept. */
async function secondPrimaryIsStopped(site: OperatedSite, { first, second }: Primaries): Promise<void> {
  await first.start();
  await site.stop();
  await second.stop('fast');
  await site.isRight(8);
  await site.start();
  await site.untilReady();
  await site.append(1);
}

/** Step 3: the primary is gone, and its archived WAL has all. */
async function recoveredFromWal(
  servers: PostgresServers,
  site: OperatedSite,
  { first, backup }: { first: DebianPostgres; backup: string },
): Promise<DebianPostgres> {
  const segment = await first.sql('select pg_walfile_name(pg_current_wal_lsn())');
  await first.sql('select pg_switch_wal()');
  await first.until(`select last_archived_wal >= '${segment}' from pg_stat_archiver`, 't');
  await site.stop();
  await first.stop('immediate');
  const recovered = await servers.restore(backup, [`restore_command = 'cp ${servers.wal}/%f %p'`], 'recovery.signal');
  await recovered.until('select pg_is_in_recovery()', 'f');
  await site.use(recovered);
  await site.isRight(9);
  await site.start();
  await site.untilReady();
  await site.append(1);
  return recovered;
}

/** Step 4: the mark is damaged, the database is sound. */
async function markIsDamaged(site: OperatedSite, database: DebianPostgres): Promise<void> {
  await site.stop();
  const [mark = assert.fail('there is no mark')] = await site.marks();
  await writeFile(mark, 'noise');
  const status = await site.status();
  assert.notEqual(status.code, 0);
  assert.match(status.stdout + status.stderr, /damaged/);
  assert.equal((await sigstead('fsck', site.urlOf(database), 'rekor')).code, 0);
  const aside = join(site.folder, 'aside');
  await mkdir(aside);
  for (const each of await site.marks()) await rename(each, join(aside, each.split('/').at(-1) ?? ''));
  const refused = await sigstead('log', 'mark', '--config', site.configFile, '--size', '11', 'rekor');
  assert.notEqual(refused.code, 0, 'fewer entries than somebody has seen');
  await site.ok('log', 'mark', '--config', site.configFile, '--size', '10', 'rekor');
  await site.start();
  await site.untilReady();
  await site.append(1);
}

/** Step 5: nothing but the refused database is left. */
async function endIsLost(site: OperatedSite, refused: DebianPostgres): Promise<void> {
  await site.stop();
  await refused.start();
  await site.use(refused);
  assert.notEqual((await site.status()).code, 0);

  const copy = await exportOfWhatIsLeft(site, refused);
  assert.equal(treeSizeOf(await readFile(join(copy, 'checkpoint'))), 4);
  const fsck = await sigstead('fsck', copy, '--key', join(site.folder, 'rekor.pub'));
  assert.equal(fsck.code, 0, fsck.stdout + fsck.stderr);

  const { url, publicUrl } = await site.replaceLog();
  await site.ok('log', 'create', '--config', site.configFile, 'rekor-2');
  await site.start();
  await site.untilReady();
  const answer = await fetch(`${url}/api/v2/log/entries`, { method: 'POST', body: entryBody()(0) });
  assert.equal(answer.status, 201, await answer.text());
  const { tlogs } = await site.trustedRoot();
  const ends = Object.fromEntries(
    tlogs.map(({ baseUrl, publicKey }) => [baseUrl, publicKey.validFor.end !== undefined]),
  );
  assert.deepEqual(ends, { [site.url]: true, [publicUrl]: false });
}

/** A machine of its own: another configuration with another state folder, which takes no entries. */
async function exportOfWhatIsLeft(site: OperatedSite, refused: DebianPostgres): Promise<string> {
  const folder = join(site.folder, 'export');
  await mkdir(folder);
  const configFile = join(folder, 'sigstead.yaml');
  await cp(join(site.folder, 'keys/rekor.key.pem'), join(folder, 'rekor.key.pem'));
  await writeFile(
    configFile,
    `version: 1
stateFolder: state
database: {url: "${site.urlOf(refused)}", passwordEnv: SIGSTEAD_DATABASE_PASSWORD}
logs:
  - name: rekor
    kind: rekor-v2
    listen: 127.0.0.1:${await freePort()}
    publicUrl: ${site.url}
    keyFile: rekor.key.pem
    readOnly: true
    export: {folder: tiles}
`,
  );
  await site.ok('log', 'mark', '--config', configFile, '--size', '4', 'rekor');
  const exporting = await ServeProcess.start(configFile);
  try {
    while ((await readFile(join(folder, 'tiles/checkpoint')).catch(() => undefined)) === undefined) await delay(50);
  } finally {
    await exporting.stop();
  }
  return join(folder, 'tiles');
}
