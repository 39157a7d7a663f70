import type { ServeFile } from './sections.ts';
import { basePathOf } from './shard-rules.ts';
import type { ListenAddress } from './values.ts';

/** Reports a problem at the path of a key. */
export type Fail = (path: string, message: string) => void;

interface Served {
  readonly path: string;
  readonly listen: ListenAddress;
  /** Where on the listener, for what is told apart by its path. */
  readonly mount: string;
  /** Path below which it answers; absent for what has no path of its own. */
  readonly below?: string;
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
        if (one.mount !== other.mount && (isShard(one) || isShard(other)) && isWithin(one.below, other.below)) {
          fail(`${one.path}.listen`, `would answer below ${other.path}, or around it: give it another path`);
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
const SHARD = ' rekor-v2';

function servedParts({ logs, ca, tsa, tuf, devOidc, metrics }: ServeFile): Served[] {
  const parts: Served[] = logs.map(({ listen, kind, basePath, publicUrl }, i) => ({
    path: `logs[${i}]`,
    listen,
    ...(kind === 'ct' ? ctPlace(publicUrl) : shardPlace(basePathOf({ basePath, publicUrl }))),
  }));
  logs.forEach(({ grpc }, i) => {
    // Another protocol, with the same methods for each log.
    if (grpc) parts.push({ path: `logs[${i}].grpc`, listen: grpc.listen, mount: ALONE });
  });
  if (ca) parts.push({ path: 'ca', listen: ca.listen, mount: 'ca' });
  if (tsa) parts.push({ path: 'tsa', listen: tsa.listen, mount: 'tsa' });
  if (tuf) {
    const { pathname } = new URL(tuf.publicUrl);
    parts.push({
      path: 'tuf',
      listen: tuf.listen,
      mount: pathname === '/' ? ALONE : `${pathname}/ct`,
      below: pathname,
    });
  }
  if (devOidc) parts.push({ path: 'devOidc', listen: devOidc.listen, mount: '/oidc' });
  // Its paths are nobody's business outside, so it shares with none.
  if (metrics) parts.push({ path: 'metrics', listen: metrics.listen, mount: ALONE });
  return parts;
}

function ctPlace(publicUrl: string): Pick<Served, 'mount' | 'below'> {
  const path = new URL(publicUrl).pathname.replace(/\/$/, '');
  return { mount: `${path}/ct`, ...(path === '' ? {} : { below: path }) };
}

function shardPlace(base: string): Pick<Served, 'mount' | 'below'> {
  return { mount: `${base}${SHARD}`, ...(base === '' ? {} : { below: base }) };
}

function isShard({ mount }: Served): boolean {
  return mount.endsWith(SHARD);
}

/** Whether one path is the other, or below it. */
function isWithin(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return `${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`);
}

/** Hosts that stand for more than one address. */
function overlap(host: string): boolean {
  return host === 'localhost' || host === '0.0.0.0' || host === '::';
}
