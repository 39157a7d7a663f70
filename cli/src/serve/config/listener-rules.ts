import type { ServeFile } from './sections.ts';
import type { ListenAddress } from './values.ts';

/** Reports a problem at the path of a key. */
export type Fail = (path: string, message: string) => void;

interface Served {
  readonly path: string;
  readonly listen: ListenAddress;
  /** Where on the listener, for what is told apart by its path. */
  readonly mount: string;
}

/** One listener is one origin: what would answer at the same paths cannot share it. */
export function checkListeners(file: ServeFile, fail: Fail): void {
  const served = servedParts(file);
  served.forEach((one, i) => {
    for (const other of served.slice(0, i)) {
      if (one.listen.port !== other.listen.port) continue;
      if (one.listen.host === other.listen.host) {
        if (one.mount === other.mount) {
          fail(`${one.path}.listen`, `would answer at the same paths as ${other.path}: choose another one`);
        }
        const alone = [one, other].find(({ mount }) => mount === ALONE);
        if (alone !== undefined) {
          const orPath = alone.path === 'tuf' ? ', or its publicUrl a path such as /tuf' : '';
          fail(`${alone.path}.listen`, `cannot be shared: give it one of its own${orPath}`);
        }
      } else if (overlap(one.listen.host) || overlap(other.listen.host)) {
        fail(`${one.path}.listen`, `overlaps with ${other.path}: write both the same way, or choose another port`);
      }
    }
  });
}

const ALONE = '/*';

function servedParts({ logs, ca, tsa, tuf, devOidc, metrics }: ServeFile): Served[] {
  const parts: Served[] = logs.map(({ listen, kind, publicUrl }, i) => ({
    path: `logs[${i}]`,
    listen,
    mount: kind === 'ct' ? `${new URL(publicUrl).pathname.replace(/\/$/, '')}/ct` : 'rekor-v2',
  }));
  logs.forEach(({ grpc }, i) => {
    // Another protocol, with the same methods for each log.
    if (grpc) parts.push({ path: `logs[${i}].grpc`, listen: grpc.listen, mount: ALONE });
  });
  if (ca) parts.push({ path: 'ca', listen: ca.listen, mount: 'ca' });
  if (tsa) parts.push({ path: 'tsa', listen: tsa.listen, mount: 'tsa' });
  if (tuf) {
    const { pathname } = new URL(tuf.publicUrl);
    parts.push({ path: 'tuf', listen: tuf.listen, mount: pathname === '/' ? ALONE : `${pathname}/ct` });
  }
  if (devOidc) parts.push({ path: 'devOidc', listen: devOidc.listen, mount: '/oidc' });
  // Its paths are nobody's business outside, so it shares with none.
  if (metrics) parts.push({ path: 'metrics', listen: metrics.listen, mount: ALONE });
  return parts;
}

/** Hosts that stand for more than one address. */
function overlap(host: string): boolean {
  return host === 'localhost' || host === '0.0.0.0' || host === '::';
}
