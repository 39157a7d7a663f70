import type { Fail } from './listener-rules.ts';
import type { ServeFile } from './sections.ts';

/** What tells one thing from another for clients and for ever: keys, URLs, windows of time. */
export function checkIdentities(file: ServeFile, fail: Fail): void {
  checkKeys(file, fail);
  checkOrigins(file, fail);
  checkWindows(file, fail);
}

/** A signature of one part must never be one of another. Roles of a TUF repository may share keys among themselves. */
function checkKeys({ logs, ca, tsa, tuf, devOidc }: ServeFile, fail: Fail): void {
  const uses: (readonly [path: string, file: string | undefined, part: string])[] = [
    ...logs.flatMap(({ keyFile, alsoSign }, i) => [
      [`logs[${i}].keyFile`, keyFile, `logs[${i}]`] as const,
      ...alsoSign.map((also, j) => [`logs[${i}].alsoSign[${j}].keyFile`, also.keyFile, `logs[${i}] ${j}`] as const),
    ]),
    ['ca.keyFile', ca?.keyFile, 'ca'],
    ['tsa.keyFile', tsa?.keyFile, 'tsa'],
    ['devOidc.keyFile', devOidc?.keyFile, 'devOidc'],
    ...(['root', 'targets', 'snapshot', 'timestamp'] as const).map((role): [string, string | undefined, string] => [
      `tuf.keys.${role}`,
      tuf?.keys[role],
      'tuf',
    ]),
  ];
  const seen = new Map<string, { path: string; part: string }>();
  for (const [path, keyFile, part] of uses) {
    if (keyFile === undefined) continue;
    const other = seen.get(keyFile);
    if (other === undefined) seen.set(keyFile, { path, part });
    else if (other.part !== part)
      fail(path, `is also ${other.path}, and clients tell parts apart by their keys: make one for each`);
  }
}

/** The origin of a log is derived from its URL: the host, of a ct log with its path, and with its port where entries name their index. */
function checkOrigins({ logs }: ServeFile, fail: Fail): void {
  const seen = new Map<string, number>();
  logs.forEach(({ kind, publicUrl, leafIndex }, i) => {
    const { host, hostname, pathname } = new URL(publicUrl);
    const origin = `${kind} ${leafIndex === true ? host : hostname}${kind === 'ct' ? pathname : ''}`;
    const other = seen.get(origin);
    if (other !== undefined)
      fail(`logs[${i}].publicUrl`, `gives the same origin as logs[${other}]: two logs are never one`);
    seen.set(origin, i);
  });
}

function checkWindows({ tuf }: ServeFile, fail: Fail): void {
  for (const [list, entries] of Object.entries(tuf?.alsoTrust ?? {})) {
    entries.forEach(({ validFrom, validUntil }, i) => {
      if (validFrom === undefined || validUntil === undefined || validFrom < validUntil) return;
      fail(`tuf.alsoTrust.${list}[${i}].validUntil`, 'must be after validFrom');
    });
  }
}
