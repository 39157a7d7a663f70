import { createHash } from 'node:crypto';
import { cp, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run, runOk } from './process.ts';
import { expectText, INSTALL_TIMEOUT_MS, outputOf, type Tool } from './tool.ts';

/** No other toolchain than the one installed here is fetched behind our back. */
const GO_ENV = { GOTOOLCHAIN: 'local' };

interface InstalledByGo extends Pick<Tool, 'name' | 'variable' | 'check'> {
  /** Folder in the cache, without the version. */
  readonly folder: string;
  /** Import path of the program; what it is called is the path's end. */
  readonly path: string;
  /** Without the v. */
  readonly version: string;
}

/** Somebody's program, as `go install` builds it. */
export function goInstalled({ name, variable, check, folder, path, version }: InstalledByGo): Tool {
  return {
    name,
    variable,
    folder: async () => `${folder}-${version}`,
    missing: missingGo,
    fill: async (into) => {
      const env = { ...process.env, ...GO_ENV, GOBIN: into };
      await runOk('go', ['install', `${path}@v${version}`], { env, timeoutMs: INSTALL_TIMEOUT_MS });
    },
    program: basename(path),
    check,
  };
}

/**
 * A program of ours on somebody's Go library: its sources, go.mod and go.sum are in a folder of this name beside this file.
 * Without arguments it ends with 2.
 */
export function goProgram({ name, variable, folder }: { name: string; variable: string; folder: string }): Tool {
  return {
    ...goBuilt({ name, variable, sources: folder, program: folder, path: '.', env: {} }),
    check: async (program) => {
      const ended = await run(program, []);
      if (ended.code !== 2) throw new Error(`${program} ended with ${ended.code}: ${ended.stderr}`);
    },
  };
}

interface BuiltByGo extends Pick<Tool, 'name' | 'variable' | 'program'> {
  /** Folder beside this file with go.mod and go.sum. */
  readonly sources: string;
  /** Of what is built. */
  readonly path: string;
  readonly env: NodeJS.ProcessEnv;
}

/** A program that `go build` makes in a module of ours, which decides the versions of everything in it. */
export function goBuilt({ name, variable, program, sources, path, env }: BuiltByGo): Omit<Tool, 'check'> {
  const from = join(import.meta.dirname, sources);
  return {
    name,
    variable,
    folder: async () => `${program}-${await hashOfSources(from)}`,
    missing: missingGo,
    fill: async (into) => {
      const copy = join(into, 'src');
      await cp(from, copy, { recursive: true });
      const args = ['build', '-o', join(into, program), path];
      await runOk('go', args, { cwd: copy, env: { ...process.env, ...GO_ENV, ...env }, timeoutMs: INSTALL_TIMEOUT_MS });
    },
    program,
  };
}

/** Throws unless the program was built of this module at this version (without the v). */
export async function expectModule(program: string, module: string, version: string): Promise<void> {
  expectText(
    await runOk('go', ['version', '-m', program], { env: { ...process.env, ...GO_ENV } }),
    `${module}\tv${version}`,
  );
}

/** Why nothing can be built with Go here, if so. */
async function missingGo(): Promise<string | undefined> {
  const text = await outputOf('go', ['env', 'GOVERSION'], GO_ENV);
  if (text === undefined) return 'go is not installed';
  const [, major = '0', minor = '0'] = /^go(\d+)\.(\d+)/.exec(text) ?? [];
  return Number(major) > 1 || Number(minor) >= 26 ? undefined : `go is ${text.trim()}, older than 1.26`;
}

async function hashOfSources(sources: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(sources)).sort()) {
    hash.update(`${name}\0`).update(await readFile(join(sources, name)));
  }
  return hash.digest('hex').slice(0, 16);
}
