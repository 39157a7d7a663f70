import { chmod, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expectModule, goBuilt, goInstalled, goProgram } from './go-tools.ts';
import { run, runOk } from './process.ts';
import { expectText, INSTALL_TIMEOUT_MS, outputOf, type Tool } from './tool.ts';

const COSIGN = '3.1.3';
const PYTHON = '4.5.1';
const VERSITYGW = '1.8.0';
const TESSERA = '1.0.4';
const REKOR_TILES = '2.3.0';
const CT_GO = '1.3.3';

export const cosign: Tool = goInstalled({
  name: `cosign ${COSIGN}`,
  variable: 'SIGSTEAD_TEST_COSIGN',
  folder: 'cosign',
  path: 'github.com/sigstore/cosign/v3/cmd/cosign',
  version: COSIGN,
  check: async (program) => expectText(await runOk(program, ['version']), `v${COSIGN}`),
});

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
export const ctclient: Tool = goInstalled({
  name: `ctclient ${CT_GO}`,
  variable: 'SIGSTEAD_TEST_CTCLIENT',
  folder: 'ctclient',
  path: 'github.com/google/certificate-transparency-go/client/ctclient',
  version: CT_GO,
  check: async (program) => expectText(await runOk(program, ['--help']), 'get-inclusion-proof'),
});

/** Upstream's Rekor v2 over files. */
export const rekorTilesPosix: Tool = goInstalled({
  name: `rekor-tiles posix ${REKOR_TILES}`,
  variable: 'SIGSTEAD_TEST_REKOR_TILES_POSIX',
  folder: 'rekor-tiles-posix',
  path: 'github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix',
  version: REKOR_TILES,
  check: (program) => expectModule(program, 'rekor-tiles/v2', REKOR_TILES),
});

/** The witness of transparency-dev, at the commit that its own go.mod here names. */
export const omniwitness: Tool = {
  ...goBuilt({
    name: 'omniwitness 2e1c6971d19e',
    variable: 'SIGSTEAD_TEST_OMNIWITNESS',
    sources: 'go-omniwitness',
    program: 'omniwitness',
    path: 'github.com/transparency-dev/witness/cmd/omniwitness',
    env: { CGO_ENABLED: '0' },
  }),
  check: async (program) => expectText(await run(program, ['--help']), '-private_key_path'),
};

/** An S3 server over a folder. */
export const versitygw: Tool = goInstalled({
  name: `versitygw ${VERSITYGW}`,
  variable: 'SIGSTEAD_TEST_VERSITYGW',
  folder: 'versitygw',
  path: 'github.com/versity/versitygw/cmd/versitygw',
  version: VERSITYGW,
  // Built by the installer it does not know its version; the folder does.
  check: async (program) => expectText(await runOk(program, ['--version']), 'Version'),
});

/** The checker of the Tessera project. */
export const tesseraFsck: Tool = goInstalled({
  name: `fsck of Tessera ${TESSERA}`,
  variable: 'SIGSTEAD_TEST_TESSERA_FSCK',
  folder: 'tessera-fsck',
  path: 'github.com/transparency-dev/tessera/cmd/fsck',
  version: TESSERA,
  check: async (program) => expectText(await run(program, ['--help']), '-storage_url'),
});

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
