import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keepRoot } from '../clients/kept-root.ts';
import { type ClientContext, envBlock, tufUrl } from '../clients/settings.ts';
import type { EnvFlags } from '../flags/dev.ts';
import { INITIAL_ROOT } from '../dev/layout.ts';
import { readInstance } from '../dev/instance-file.ts';
import { Failure } from '../failure.ts';
import { request } from '../http-client.ts';
import { instanceUrl } from '../instance-url.ts';
import { cacheDir, defaultDataDir, type UserContext } from '../user-dirs.ts';

export interface EnvIo {
  readonly user: UserContext;
  readonly write: (text: string) => void;
  readonly programs: Pick<ClientContext, 'sigstead' | 'node' | 'jsExample'>;
}

/** Prints a client's settings for an instance. Throws a Failure. */
export async function envCommand(flags: EnvFlags, io: EnvIo): Promise<void> {
  const url = await instanceUrl(flags.url, io.user);
  const { bytes, source } = (await localRoot(url, io.user)) ?? (await fetchRoot(url));
  const root = await keepRoot(cacheDir(io.user), bytes);
  io.write(envBlock(flags.client, { url, root, ...io.programs }, source));
}

/** The root that the instance in the default data folder made itself: nothing has to be trusted on first sight. */
async function localRoot(url: string, user: UserContext): Promise<{ bytes: Uint8Array; source: string } | undefined> {
  const dataDir = defaultDataDir(user);
  const instance = await readInstance(dataDir).catch(() => undefined);
  if (instance?.url !== url) return undefined;
  const path = join(dataDir, INITIAL_ROOT);
  const bytes = await readFile(path).catch(() => undefined);
  return bytes === undefined ? undefined : { bytes, source: `read from the data folder of the instance (${path})` };
}

async function fetchRoot(url: string): Promise<{ bytes: Uint8Array; source: string }> {
  const address = `${tufUrl(url)}/root.json`;
  const { status, bytes } = await request(address);
  if (status !== 200 || !looksLikeRoot(bytes)) {
    throw new Failure(`${url} serves no TUF root (${address} answered ${status})`);
  }
  return { bytes, source: `fetched from ${address} and trusted as it came: compare it with what the operator says` };
}

function looksLikeRoot(bytes: Buffer): boolean {
  try {
    const value = JSON.parse(bytes.toString('utf8')) as { signed?: { _type?: unknown } } | null;
    return value?.signed?._type === 'root';
  } catch {
    // Not JSON, so no root: the caller says so.
    return false;
  }
}
