import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { installInto, isThere } from './cache.ts';
import { type Ended, run } from './process.ts';

/** A client that is installed by its own ecosystem's installer. */
export interface Tool {
  readonly name: string;
  /** What the suites look for: path of the program, or why it is missing. */
  readonly variable: string;
  /** Folder in the cache: the name and all that decides its content. */
  folder(): Promise<string>;
  /** Why this machine cannot install it, if so. */
  missing(): Promise<string | undefined>;
  fill(folder: string): Promise<void>;
  /** Path inside the folder. */
  readonly program: string;
  /** Throws when the installed program is not the wanted one. */
  check(program: string): Promise<void>;
}

/** For an installer that fetches and builds. */
export const INSTALL_TIMEOUT_MS = 900_000;

/** The program of a tool in the cache, if it is there and works. */
export async function provided(tool: Tool, cacheDir: string): Promise<string | undefined> {
  const folder = join(cacheDir, await tool.folder());
  if (!(await isThere(folder))) return undefined;
  const program = join(folder, tool.program);
  try {
    await tool.check(program);
    return program;
  } catch {
    // Damaged, or installed over a Python that is gone since: to be made anew.
    await rm(folder, { recursive: true, force: true });
    return undefined;
  }
}

/** Installs a tool into the cache and checks it. Returns the program's path. */
export async function provide(tool: Tool, cacheDir: string): Promise<string> {
  const folder = join(cacheDir, await tool.folder());
  await installInto(folder, (draft) => tool.fill(draft));
  const program = join(folder, tool.program);
  await tool.check(program);
  return program;
}

/** Standard output of a program that works, undefined when it is missing or fails. */
export async function outputOf(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string | undefined> {
  try {
    const { code, stdout } = await run(command, args, { env: { ...process.env, ...env } });
    return code === 0 ? stdout : undefined;
  } catch {
    return undefined;
  }
}

/** Throws unless a program that has ended said this. */
export function expectText({ stdout, stderr }: Pick<Ended, 'stdout' | 'stderr'>, wanted: string): void {
  if (!`${stdout}${stderr}`.includes(wanted)) throw new Error(`not ${wanted} but ${stdout}${stderr}`);
}
