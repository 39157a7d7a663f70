import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type KeptRoot, keepRoot } from '../clients/kept-root.ts';
import { type ClientContext, tufUrl } from '../clients/settings.ts';
import { writeFileAtomically } from '../files.ts';
import type { Ground } from './ground.ts';
import { CONFIGURATION, INITIAL_ROOT } from './layout.ts';
import type { ReadyReport } from './ready-file.ts';
import type { ScreenInput } from './screen.ts';
import type { DevServices } from './services.ts';

/** Copies of the first root for clients on this machine: in the data folder, and where their caches are. */
export async function publishRoot(ground: Ground, services: DevServices, cacheBase: string): Promise<KeptRoot> {
  const { bytes } = services.tuf.initialRoot();
  const copy = join(ground.folder.path, INITIAL_ROOT);
  await mkdir(dirname(copy), { recursive: true, mode: 0o755 });
  await writeFileAtomically(copy, bytes, 0o644);
  return keepRoot(cacheBase, bytes);
}

/** What the ready file says. */
export function readyReport(ground: Ground, root: KeptRoot, addresses: readonly string[]): ReadyReport {
  return {
    url: ground.publicUrl,
    metrics: `http://localhost:${ground.heldMetrics.port}/metrics`,
    pid: process.pid,
    dataDir: ground.folder.path,
    tufUrl: tufUrl(ground.publicUrl),
    tufRoot: root.path,
    tufRootSha256: root.sha256,
    issuer: `${ground.publicUrl}/oidc`,
    addresses,
    ...(ground.heldGrpc === undefined ? {} : { grpc: `localhost:${ground.heldGrpc.port}` }),
  };
}

/** What the screen says. */
export function screenInput(programs: ScreenPrograms, report: ReadyReport, root: KeptRoot): ScreenInput {
  return {
    url: report.url,
    metricsUrl: report.metrics,
    dataDir: report.dataDir,
    configuration: join(report.dataDir, CONFIGURATION),
    addresses: report.addresses,
    grpc: report.grpc,
    clients: { url: report.url, root, ...programs },
  };
}

/** Words that run things, in the printed lines. */
type ScreenPrograms = Pick<ClientContext, 'sigstead' | 'node' | 'jsExample'>;
