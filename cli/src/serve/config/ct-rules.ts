import { ctLog } from './ct-sections.ts';
import type { Fail } from './listener-rules.ts';
import type { LogFile, ServeFile } from './sections.ts';

/** What cannot be together in a CT log, and what of it another kind cannot have. */
export function checkCtLogs({ logs, ca }: ServeFile, fail: Fail): void {
  logs.forEach((log, i) => {
    const path = `logs[${i}]`;
    if (log.kind !== 'ct') {
      for (const key of Object.keys(ctLog) as (keyof typeof ctLog)[]) {
        if (log[key] !== undefined) fail(`${path}.${key}`, 'is for kind ct only');
      }
      return;
    }
    checkLayout(log, { path, logs, fail });
    checkRoots(log, { path, isOwnCa: ca?.ct.log === log.name, fail });
    checkWindow(log, path, fail);
  });
}

/** Its checkpoint and tiles must not be where those of another log are. */
function checkLayout(log: LogFile, { path, logs, fail }: { path: string; logs: readonly LogFile[]; fail: Fail }): void {
  if (log.leafIndex !== true || new URL(log.publicUrl).pathname !== '/') return;
  const { host, port } = log.listen;
  const other = logs.findIndex(
    ({ kind, listen }) => kind === 'rekor-v2' && listen.host === host && listen.port === port,
  );
  if (other === -1) return;
  fail(
    `${path}.publicUrl`,
    `needs a path with leafIndex: checkpoint and tile/ at its root may be those of logs[${other}]`,
  );
}

function checkRoots(log: LogFile, { path, isOwnCa, fail }: { path: string; isOwnCa: boolean; fail: Fail }): void {
  const { acceptedRootsFile, acceptedRoots } = log;
  const { files = [], trustBundleUrl, trustBundleCaFile } = acceptedRoots ?? {};
  if (acceptedRootsFile !== undefined && files.length > 0) {
    fail(`${path}.acceptedRootsFile`, 'stands beside acceptedRoots.files: put the file there');
  }
  if (acceptedRootsFile === undefined && files.length === 0 && trustBundleUrl === undefined && !isOwnCa) {
    const text = 'missing, and no acceptedRoots: a ct log takes chains that lead to one of these certificates';
    fail(`${path}.acceptedRootsFile`, text);
  }
  if (trustBundleCaFile !== undefined && trustBundleUrl?.startsWith('https:') !== true) {
    fail(`${path}.acceptedRoots.trustBundleCaFile`, 'is for a trustBundleUrl with https');
  }
}

function checkWindow(log: LogFile, path: string, fail: Fail): void {
  const { notAfterStart, notAfterLimit, rejectExpired, rejectUnexpired } = log;
  if (notAfterStart !== undefined && notAfterLimit !== undefined && notAfterStart >= notAfterLimit) {
    fail(`${path}.notAfterLimit`, 'must be after notAfterStart');
  }
  if (rejectExpired === true && rejectUnexpired === true) {
    fail(`${path}.rejectUnexpired`, 'stands beside rejectExpired: nothing could be logged');
  }
}
