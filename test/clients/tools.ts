import { createHash } from 'node:crypto';
import { chmod, cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installInto, isThere } from './cache.ts';
import { run, runOk } from './process.ts';

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

const INSTALL_TIMEOUT_MS = 900_000;
const COSIGN = '3.1.3';
const PYTHON = '4.5.1';
const VERSITYGW = '1.8.0';
const TESSERA = '1.0.4';
const REKOR_TILES = '2.3.0';
const CT_GO = '1.3.3';
/** No other toolchain than the one installed here is fetched behind our back. */
export const GO_ENV = { GOTOOLCHAIN: 'local' };

export const cosign: Tool = {
  name: `cosign ${COSIGN}`,
  variable: 'SIGSTEAD_TEST_COSIGN',
  folder: async () => `cosign-${COSIGN}`,
  missing: missingGo,
  fill: async (folder) => {
    const env = { ...process.env, ...GO_ENV, GOBIN: folder };
    await runOk('go', ['install', `github.com/sigstore/cosign/v3/cmd/cosign@v${COSIGN}`], {
      env,
      timeoutMs: INSTALL_TIMEOUT_MS,
    });
  },
  program: 'cosign',
  check: async (program) => expectText(await runOk(program, ['version']), `v${COSIGN}`),
};

export const sigstorePython: Tool = {
  name: `sigstore-python ${PYTHON}`,
  variable: 'SIGSTEAD_TEST_SIGSTORE_PYTHON',
  folder: async () => `sigstore-python-${PYTHON}`,
  missing: missingPython,
  fill: async (folder) => {
    await runOk('python3', ['-m', 'venv', folder], { timeoutMs: INSTALL_TIMEOUT_MS });
    const python = join(folder, 'bin', 'python');
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `sigstore==${PYTHON}`];
    await runOk(python, pip, { timeoutMs: INSTALL_TIMEOUT_MS });
    // The installer wrote this folder's name into the program; the folder is renamed afterwards.
    const program = join(folder, 'bin', 'sigstore');
    await rm(program);
    await writeFile(program, '#!/bin/sh\nexec "$(dirname -- "$0")/python" -m sigstore "$@"\n');
    await chmod(program, 0o755);
  },
  program: join('bin', 'sigstore'),
  check: async (program) => expectText(await runOk(program, ['--version']), `sigstore ${PYTHON}`),
};

export const goVerify: Tool = goProgram({
  name: 'go-verify (sigstore-go 1.3.0)',
  variable: 'SIGSTEAD_TEST_GO_VERIFY',
  folder: 'go-verify',
});

/** Reads, writes and verifies a Rekor v2 log with the library that upstream's clients are made of. */
export const goRekorTiles: Tool = goProgram({
  name: `go-rekor-tiles (rekor-tiles ${REKOR_TILES})`,
  variable: 'SIGSTEAD_TEST_GO_REKOR_TILES',
  folder: 'go-rekor-tiles',
});

/** Speaks gRPC to a log with grpc-go and the code that upstream generates. */
export const goGrpc: Tool = goProgram({
  name: `go-grpc (grpc-go 1.82.1, rekor-tiles ${REKOR_TILES})`,
  variable: 'SIGSTEAD_TEST_GO_GRPC',
  folder: 'go-grpc',
});

/** Follows a log by its tiles with Tessera's client library. */
export const goTessera: Tool = goProgram({
  name: `go-tessera (Tessera ${TESSERA})`,
  variable: 'SIGSTEAD_TEST_GO_TESSERA',
  folder: 'go-tessera',
});

/** Our program on transparency-dev's and Google's libraries. */
export const goStaticCt: Tool = goProgram({
  name: `go-static-ct (Tessera ${TESSERA}, certificate-transparency-go ${CT_GO})`,
  variable: 'SIGSTEAD_TEST_GO_STATIC_CT',
  folder: 'go-static-ct',
});

/** Google's client for RFC 6962 logs. */
export const ctclient: Tool = {
  name: `ctclient ${CT_GO}`,
  variable: 'SIGSTEAD_TEST_CTCLIENT',
  folder: async () => `ctclient-${CT_GO}`,
  missing: missingGo,
  fill: async (folder) => {
    const env = { ...process.env, ...GO_ENV, GOBIN: folder };
    await runOk('go', ['install', `github.com/google/certificate-transparency-go/client/ctclient@v${CT_GO}`], {
      env,
      timeoutMs: INSTALL_TIMEOUT_MS,
    });
  },
  program: 'ctclient',
  check: async (program) => expectText(await runOk(program, ['--help']), 'get-inclusion-proof'),
};

/** Upstream's Rekor v2 over files: a real log that asks witnesses. */
export const rekorTilesPosix: Tool = {
  name: `rekor-tiles posix ${REKOR_TILES}`,
  variable: 'SIGSTEAD_TEST_REKOR_TILES_POSIX',
  folder: async () => `rekor-tiles-posix-${REKOR_TILES}`,
  missing: missingGo,
  fill: async (folder) => {
    const env = { ...process.env, ...GO_ENV, GOBIN: folder };
    const program = `github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix@v${REKOR_TILES}`;
    await runOk('go', ['install', program], { env, timeoutMs: INSTALL_TIMEOUT_MS });
  },
  program: 'posix',
  check: async (program) => expectText(await runOk(program, ['serve', '--help']), '--witness-policy-path'),
};

/** The witness of transparency-dev, at the commit that its own go.mod here names. */
export const omniwitness: Tool = {
  name: 'omniwitness 2e1c6971d19e',
  variable: 'SIGSTEAD_TEST_OMNIWITNESS',
  folder: async () => `omniwitness-${await hashOfSources(join(import.meta.dirname, 'go-omniwitness'))}`,
  missing: missingGo,
  fill: async (folder) => {
    const sources = join(folder, 'src');
    await cp(join(import.meta.dirname, 'go-omniwitness'), sources, { recursive: true });
    const main = 'github.com/transparency-dev/witness/cmd/omniwitness';
    const env = { ...process.env, ...GO_ENV, CGO_ENABLED: '0' };
    const args = ['build', '-o', join(folder, 'omniwitness'), main];
    await runOk('go', args, { cwd: sources, env, timeoutMs: INSTALL_TIMEOUT_MS });
  },
  program: 'omniwitness',
  check: async (program) => expectText(await run(program, ['--help']), '-private_key_path'),
};

/** An S3 server over a folder. */
export const versitygw: Tool = {
  name: `versitygw ${VERSITYGW}`,
  variable: 'SIGSTEAD_TEST_VERSITYGW',
  folder: async () => `versitygw-${VERSITYGW}`,
  missing: missingGo,
  fill: async (folder) => {
    const env = { ...process.env, ...GO_ENV, GOBIN: folder };
    await runOk('go', ['install', `github.com/versity/versitygw/cmd/versitygw@v${VERSITYGW}`], {
      env,
      timeoutMs: INSTALL_TIMEOUT_MS,
    });
  },
  program: 'versitygw',
  // Built by the installer it does not know its version; the folder does.
  check: async (program) => expectText(await runOk(program, ['--version']), 'Version'),
};

/** The checker of the Tessera project. */
export const tesseraFsck: Tool = {
  name: `fsck of Tessera ${TESSERA}`,
  variable: 'SIGSTEAD_TEST_TESSERA_FSCK',
  folder: async () => `tessera-fsck-${TESSERA}`,
  missing: missingGo,
  fill: async (folder) => {
    const env = { ...process.env, ...GO_ENV, GOBIN: folder };
    await runOk('go', ['install', `github.com/transparency-dev/tessera/cmd/fsck@v${TESSERA}`], {
      env,
      timeoutMs: INSTALL_TIMEOUT_MS,
    });
  },
  program: 'fsck',
  check: async (program) => expectText(await run(program, ['--help']), '-storage_url'),
};

/** Debian's, taken out of its package: nothing is installed on the machine. */
export const nginx: Tool = {
  name: 'nginx of Debian',
  variable: 'SIGSTEAD_TEST_NGINX',
  folder: async () => `nginx-${await debianVersion('nginx')}`,
  missing: async () => ((await debianVersion('nginx')) === 'none' ? 'not a Debian with its packages' : undefined),
  fill: async (folder) => {
    await runOk('apt-get', ['download', 'nginx'], { cwd: folder, timeoutMs: INSTALL_TIMEOUT_MS });
    const [deb = ''] = await readdir(folder);
    await runOk('dpkg-deb', ['-x', deb, '.'], { cwd: folder });
  },
  program: join('usr', 'sbin', 'nginx'),
  check: async (program) => expectText(await runOk(program, ['-v']), 'nginx/'),
};

export const TOOLS: readonly Tool[] = [
  cosign,
  sigstorePython,
  goVerify,
  goRekorTiles,
  goGrpc,
  goTessera,
  goStaticCt,
  ctclient,
  rekorTilesPosix,
  omniwitness,
  versitygw,
  tesseraFsck,
  nginx,
];

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

/** Why nothing can be built with Go here, if so. */
export async function missingGo(): Promise<string | undefined> {
  const text = await outputOf('go', ['env', 'GOVERSION']);
  if (text === undefined) return 'go is not installed';
  const [, major = '0', minor = '0'] = /^go(\d+)\.(\d+)/.exec(text) ?? [];
  return Number(major) > 1 || Number(minor) >= 26 ? undefined : `go is ${text.trim()}, older than 1.26`;
}

/** The version that Debian's package manager would install; `none` where it knows none, or is not there. */
async function debianVersion(name: string): Promise<string> {
  const text = await outputOf('apt-cache', ['policy', name], { LC_ALL: 'C' });
  const [, version = '(none)'] = /^\s*Candidate: (\S+)/m.exec(text ?? '') ?? [];
  return /^[\w.+~:-]+$/.test(version) ? version : 'none';
}

async function missingPython(): Promise<string | undefined> {
  const text = await outputOf('python3', ['-c', 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])']);
  if (text === undefined) return 'python3 with venv and pip is not installed';
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(text) ?? [];
  return Number(major) > 3 || Number(minor) >= 10 ? undefined : `python3 is ${text.trim()}, older than 3.10`;
}

/** Standard output of a program that works, undefined when it is missing or fails. */
async function outputOf(
  command: string,
  args: readonly string[],
  own: NodeJS.ProcessEnv = command === 'go' ? GO_ENV : {},
): Promise<string | undefined> {
  try {
    const env = { ...process.env, ...own };
    const { code, stdout } = await run(command, args, { env });
    return code === 0 ? stdout : undefined;
  } catch {
    return undefined;
  }
}

function expectText({ stdout, stderr }: { stdout: string; stderr: string }, wanted: string): void {
  if (!`${stdout}${stderr}`.includes(wanted)) throw new Error(`not ${wanted} but ${stdout}${stderr}`);
}

/**
 * A program of ours on somebody's Go library: its sources, go.mod and go.sum are in a folder of this name beside this file.
 * Without arguments it ends with 2.
 */
export function goProgram({ name, variable, folder }: { name: string; variable: string; folder: string }): Tool {
  const sources = join(import.meta.dirname, folder);
  return {
    name,
    variable,
    folder: async () => `${folder}-${await hashOfSources(sources)}`,
    missing: missingGo,
    fill: async (into) => {
      const copy = join(into, 'src');
      await cp(sources, copy, { recursive: true });
      const env = { ...process.env, ...GO_ENV };
      await runOk('go', ['build', '-o', join(into, folder), '.'], { cwd: copy, env, timeoutMs: INSTALL_TIMEOUT_MS });
    },
    program: folder,
    check: async (program) => {
      const ended = await run(program, []);
      if (ended.code !== 2) throw new Error(`${program} ended with ${ended.code}: ${ended.stderr}`);
    },
  };
}

async function hashOfSources(sources: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(sources)).sort()) {
    hash.update(`${name}\0`).update(await readFile(join(sources, name)));
  }
  return hash.digest('hex').slice(0, 16);
}
