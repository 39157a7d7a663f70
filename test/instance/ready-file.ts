import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { Child } from './child.ts';

/** What an instance says once all its parts answer. */
export interface ReadyInfo {
  /** `http://localhost:PORT`, without a slash at its end. */
  readonly url: string;
  readonly metrics: string;
  readonly dataDir: string;
  /** Path of the initial TUF root on this machine. */
  readonly tufRoot: string;
  /** SHA-256 of that file, hexadecimal. */
  readonly tufRootSha256: string;
}

const POLL_MS = 20;

/** Waits for the ready file. Throws when the process ends before, or is not ready in time. */
export async function waitForReady(child: Child, file: string, timeoutMs: number): Promise<ReadyInfo> {
  const deadlineMs = performance.now() + timeoutMs;
  while (performance.now() < deadlineMs) {
    const text = await readIfThere(file);
    if (text !== undefined) return readyInfo(text);
    const exit = child.exit();
    if (exit !== undefined) {
      throw new Error(
        `the instance ended before it was ready (code ${exit.code}, signal ${exit.signal})\n${lastLines(child)}`,
      );
    }
    await wait(POLL_MS);
  }
  throw new Error(`the instance was not ready after ${timeoutMs} ms\n${lastLines(child)}`);
}

/** The end of both outputs. */
export function lastLines(child: Child, lines = 30): string {
  return `${child.stdout.tail(lines, 'stdout| ')}${child.stderr.tail(lines, 'stderr| ')}`;
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function readyInfo(text: string): ReadyInfo {
  const value = JSON.parse(text) as Record<string, unknown>;
  const member = (name: string): string => {
    const found = value[name];
    if (typeof found !== 'string' || found === '') throw new Error(`the ready file has no ${name}: ${text}`);
    return found;
  };
  return {
    url: member('url'),
    metrics: member('metrics'),
    dataDir: member('dataDir'),
    tufRoot: member('tufRoot'),
    tufRootSha256: member('tufRootSha256'),
  };
}
