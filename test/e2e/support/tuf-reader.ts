import { getJson } from './http.ts';

/** Version and end of every role's newest metadata. */
export type TufState = Readonly<Record<'root' | 'timestamp' | 'snapshot' | 'targets', TufRole>>;

export interface TufRole {
  readonly version: number;
  readonly expiresMs: number;
}

interface Metadata {
  signed: { version: number; expires: string; meta?: Record<string, { version: number }> };
}

/** Reads the repository as a client walks it, by the versions that each file names. Verifies no signature. */
export async function tufState(url: string): Promise<TufState> {
  const read = (name: string): Promise<Metadata> => getJson<Metadata>(`${url}/tuf/${name}`);
  const root = await read('root.json');
  const timestamp = await read('timestamp.json');
  const snapshot = await read(`${named(timestamp, 'snapshot')}.snapshot.json`);
  const targets = await read(`${named(snapshot, 'targets')}.targets.json`);
  return { root: roleOf(root), timestamp: roleOf(timestamp), snapshot: roleOf(snapshot), targets: roleOf(targets) };
}

function named({ signed }: Metadata, role: string): number {
  const version = signed.meta?.[`${role}.json`]?.version;
  if (version === undefined) throw new Error(`no version of ${role}`);
  return version;
}

function roleOf({ signed }: Metadata): TufRole {
  return { version: signed.version, expiresMs: Date.parse(signed.expires) };
}

export const ROLES = ['root', 'timestamp', 'snapshot', 'targets'] as const;
