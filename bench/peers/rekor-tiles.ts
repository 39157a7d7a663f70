import { type ChildProcess, spawn } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generatePrivateKeyPem } from '@sigstead/keys';
import { freePort } from '@sigstead/test';
import { runOk } from '../../test/clients/process.ts';
import { GO_ENV, missingGo, type Tool } from '../../test/clients/tools.ts';
import type { Target } from '../log/connection.ts';
import type { LogIdentity } from '../log/trust.ts';

const VERSION = '2.3.0';
const INSTALL_TIMEOUT_MS = 900_000;
const ORIGIN = 'peer.example';
/** The best that was found by trying: no interval for checkpoints may be shorter. */
const TUNING = ['--checkpoint-interval', '100ms', '--batch-max-age', '50ms'];

/** Upstream's Rekor v2 over files. */
export const rekorTiles: Tool = {
  name: `rekor-tiles posix ${VERSION}`,
  variable: 'SIGSTEAD_BENCH_REKOR_TILES',
  folder: async () => `rekor-tiles-posix-${VERSION}`,
  missing: missingGo,
  fill: async (folder) => {
    const env = { ...process.env, ...GO_ENV, GOBIN: folder };
    const program = `github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix@v${VERSION}`;
    await runOk('go', ['install', program], { env, timeoutMs: INSTALL_TIMEOUT_MS });
  },
  program: 'posix',
  check: async (program) => {
    const told = await runOk('go', ['version', '-m', program], { env: { ...process.env, ...GO_ENV } });
    if (!told.stdout.includes(`rekor-tiles/v2\tv${VERSION}`))
      throw new Error(`${program} is not rekor-tiles ${VERSION}`);
  },
};

/** A server of theirs with a new log in `folder`. Its owner waits until it listens, and stops it. */
export async function spawnRekorTiles(
  program: string,
  folder: string,
  { antispam }: { antispam: boolean },
): Promise<{ child: ChildProcess; target: Target; log: LogIdentity }> {
  const storage = join(folder, 'tiles');
  await mkdir(storage);
  const key = generatePrivateKeyPem('ecdsa-p256-sha256');
  const keyFile = join(folder, 'log.pem');
  await writeFile(keyFile, key, { mode: 0o600 });
  const [http, grpc, metrics] = [await freePort(), await freePort(), await freePort()];
  const place = ['--storage-dir', storage, '--signer-filepath', keyFile, '--hostname', ORIGIN];
  const ports = ['--http-port', String(http), '--grpc-port', String(grpc), '--http-metrics-port', String(metrics)];
  const duplicates = antispam ? ['--persistent-antispam'] : [];
  const args = ['serve', ...place, ...ports, ...TUNING, ...duplicates, '--log-level', 'error'];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'], cwd: folder });
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return { child, target: { host: '127.0.0.1', port: http }, log: { origin: ORIGIN, spki } };
}
