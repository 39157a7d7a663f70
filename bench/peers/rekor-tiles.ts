import { type ChildProcess, spawn } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generatePrivateKeyPem } from '@sigstead/keys';
import { freePort } from '@sigstead/test';
import type { Target } from '../log/connection.ts';
import type { LogIdentity } from '../log/trust.ts';

const ORIGIN = 'peer.example';
/** The best that was found by trying: no interval for checkpoints may be shorter. */
const TUNING = ['--checkpoint-interval', '100ms', '--batch-max-age', '50ms'];

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
