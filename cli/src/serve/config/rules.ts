import type { Place } from '@sigstead/platform';
import { checkCtLogs } from './ct-rules.ts';
import { checkIdentities } from './identity-rules.ts';
import { checkListeners, type Fail } from './listener-rules.ts';
import type { ServeFile } from './sections.ts';
import { checkShards } from './shard-rules.ts';
import { checkWitnesses } from './witness-section.ts';

/** What cannot be together, each with its path and what to do. */
export function checkWhole(file: ServeFile, at: Place): void {
  const fail: Fail = (path, message) => at.report(path, message);
  if (file.logs.length === 0 && !file.ca && !file.tsa && !file.tuf) {
    fail('', 'nothing to serve: add one of ca, logs, tsa, tuf');
  }
  checkDevelopment(file, fail);
  checkNeeds(file, fail);
  checkDatabase(file, fail);
  checkLogs(file, fail);
  checkCtLogs(file, fail);
  checkShards(file, fail);
  checkIdentities(file, fail);
  checkExports(file, fail);
  checkWitnesses(file, fail);
  checkCt(file, fail);
  checkPlainUrls(file, fail);
  checkTuf(file, fail);
  checkListeners(file, fail);
}

function checkDevelopment({ mode, devOidc, workers }: ServeFile, fail: Fail): void {
  if (devOidc === undefined) {
    if (mode !== 'production') fail('mode', 'development is for devOidc, which is missing: remove it');
    return;
  }
  if (mode !== 'development') {
    fail('devOidc', 'these issuers certify whatever they are told: only mode: development takes them');
  }
  if (workers !== 1) fail('workers', 'devOidc keeps its login codes in memory: one process only');
}

function checkNeeds(file: ServeFile, fail: Fail): void {
  const needsDatabase = file.logs.length > 0 || file.ca !== undefined || file.tuf !== undefined;
  if (needsDatabase && !file.database) fail('database', 'missing: ca, logs and tuf keep their truth in PostgreSQL');
  if (!needsDatabase && file.database) fail('database', 'is not used: a timestamp authority has none; remove it');
  const needsState = file.logs.length > 0 || file.tsa !== undefined;
  if (needsState && file.stateFolder === undefined) {
    fail('stateFolder', 'missing: logs and tsa keep there what must not go back even when the database does');
  }
  if (file.logs.length === 0 && file.mark !== undefined) fail('mark', 'is not used without logs; remove it');
  if (!needsState && file.stateFolder !== undefined) fail('stateFolder', 'is not used without logs or tsa; remove it');
}

function checkDatabase({ database }: ServeFile, fail: Fail): void {
  if (!database) return;
  for (const key of ['url', 'migrationUrl'] as const) {
    if (
      database.hosts !== undefined &&
      /^[^:]*:\/\/(?:[^/?#@]*@)?[^/?#@]+(?:[/?#]|$)|[?&](?:host|port)=/.test(database[key] ?? '')
    ) {
      fail(
        `database.${key}`,
        'names a server beside hosts: write it as postgresql://USER@/DATABASE, or leave out hosts',
      );
    }
  }
  for (const prefix of ['password', 'migrationPassword'] as const) {
    if (database[`${prefix}Env`] !== undefined && database[`${prefix}File`] !== undefined) {
      fail(`database.${prefix}File`, `stands beside ${prefix}Env: keep one of the two`);
    }
  }
  const orphan = (['migrationPasswordEnv', 'migrationPasswordFile'] as const).find(
    (key) => database[key] !== undefined,
  );
  if (database.migrationUrl === undefined && orphan !== undefined) {
    fail(`database.${orphan}`, 'is for migrationUrl, which is missing');
  }
}

function checkLogs({ logs }: ServeFile, fail: Fail): void {
  logs.forEach((log, i) => {
    const path = `logs[${i}]`;
    if (logs.findIndex(({ name }) => name === log.name) < i) fail(`${path}.name`, `two logs are named ${log.name}`);
    const stray = (['duplicates', 'dsse', 'search', 'clientSigningAlgorithms', 'grpc'] as const).find(
      (key) => log[key] !== undefined,
    );
    if (log.kind === 'ct' && stray !== undefined) fail(`${path}.${stray}`, 'is for kind rekor-v2 only');
  });
}

/** One place for each log: the export of a log refuses what another has written. */
function checkExports({ logs }: ServeFile, fail: Fail): void {
  const places = new Map<string, number>();
  logs.forEach(({ kind, export: to }, i) => {
    if (to === undefined) return;
    const path = `logs[${i}].export`;
    if (kind !== 'rekor-v2') fail(path, 'is for kind rekor-v2 only: ct logs are not exported');
    if ((to.folder === undefined) === (to.bucket === undefined)) fail(path, 'wants either folder or bucket');
    if (to.bucket !== undefined && to.region === undefined) fail(`${path}.region`, 'missing: a bucket is in a region');
    const stray = (['prefix', 'region', 'endpoint', 'pathStyle'] as const).find((key) => to[key] !== undefined);
    if (to.bucket === undefined && stray !== undefined) fail(`${path}.${stray}`, 'goes with bucket only');
    const place = to.folder ?? `${to.endpoint ?? ''} ${to.bucket ?? ''} ${to.prefix ?? ''}`;
    if (places.has(place)) fail(path, `is the place of logs[${places.get(place)}]: give each log one of its own`);
    places.set(place, i);
  });
}

function checkCt({ ca, logs }: ServeFile, fail: Fail): void {
  if (!ca) return;
  const { log, url, publicKeyFile, caFile } = ca.ct;
  if ((log === undefined) === (url === undefined)) {
    fail('ca.ct', 'wants either log (a ct log of this file) or url with publicKeyFile (any other one)');
  }
  if (log !== undefined) {
    const found = logs.find(({ name }) => name === log);
    if (found?.kind !== 'ct') fail('ca.ct.log', `no log of kind ct is named ${log}`);
    if (found?.readOnly === true) fail('ca.ct.log', `${log} is readOnly: no certificate could get its SCT`);
    if (publicKeyFile !== undefined || caFile !== undefined) fail('ca.ct', 'publicKeyFile and caFile go with url only');
  }
  if (url !== undefined && publicKeyFile === undefined)
    fail('ca.ct.publicKeyFile', 'missing: SCTs are verified with it');
}

function checkPlainUrls(file: ServeFile, fail: Fail): void {
  for (const part of ['ca', 'tsa', 'devOidc'] as const) {
    const url = file[part]?.publicUrl;
    if (url !== undefined && new URL(url).pathname !== '/') {
      fail(`${part}.publicUrl`, 'must have no path: clients append the paths of the protocol to it');
    }
  }
}

function checkTuf({ tuf, ca, tsa, logs }: ServeFile, fail: Fail): void {
  if (!tuf) return;
  const { root, targets, previousRoot } = tuf.keys;
  if ((root === undefined) !== (targets === undefined)) {
    fail('tuf.keys', 'root and targets are both here, or both kept elsewhere: then only metadata is renewed');
  }
  if (previousRoot !== undefined && root === undefined) fail('tuf.keys.previousRoot', 'is of use only beside root');
  const also = tuf.alsoTrust;
  const chains = [ca, tsa, ...(also?.certificateAuthorities ?? []), ...(also?.timestampAuthorities ?? [])];
  if (chains.some((chain) => chain !== undefined)) return;
  const message = 'missing: no certificate chain is configured that would say from when the log counts';
  logs.forEach((log, i) => log.validFrom === undefined && fail(`logs[${i}].validFrom`, message));
  for (const list of ['rekorLogs', 'ctLogs'] as const) {
    also?.[list].forEach(
      (log, i) => log.validFrom === undefined && fail(`tuf.alsoTrust.${list}[${i}].validFrom`, message),
    );
  }
}
