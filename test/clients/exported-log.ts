import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { composeLog, type ExportTarget, type LogSpec } from '@sigstead/log';
import { createHttpServer, createMetrics, type Metrics, silentLogger, systemClock } from '@sigstead/platform';
import { testDatabase } from '../support/index.ts';
import { inParallel } from './process.ts';

export const ORIGIN = 'log.example.com';
const NAME = 'exported';

/** A Rekor v2 log with a database of its own that is exported somewhere. */
export interface ExportedLog {
  readonly url: string;
  readonly metrics: Metrics;
  /** Public key, PEM. */
  readonly publicKey: string;
  /** Adds entries until the tree has this size; resolves when they are acknowledged. */
  grow(size: number): Promise<void>;
  /** The same after entries were refused: each is posted until it is taken. */
  regrow(size: number): Promise<void>;
  /** Why the log is not ready, if so. */
  trouble(): Promise<string | undefined>;
  /** Takes the turn away from the process that exports, in the middle of what it does; another one goes on at once. */
  passTurn(): Promise<void>;
  /** The bytes the log itself serves. */
  served(path: string): Promise<Buffer>;
  close(): Promise<void>;
}

/** `processes`: how many open the same log and export it to the same place. */
export function startExportedLog(target: ExportTarget, processes = 1): Promise<ExportedLog> {
  return startLog({ export: target }, processes);
}

/** A log with these properties, opened by so many processes. */
export async function startLog(
  spec: Pick<LogSpec, 'export' | 'markPlace' | 'duplicates' | 'witness'> & Partial<Pick<LogSpec, 'signer'>>,
  processes: number,
): Promise<ExportedLog> {
  const database = await testDatabase();
  const signer = spec.signer ?? signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
  const metrics = createMetrics();
  const open = (): ReturnType<typeof composeLog> =>
    composeLog({
      connectionString: database.connectionString,
      logger: silentLogger,
      metrics,
      clock: systemClock,
      logs: [{ name: NAME, origin: ORIGIN, kind: 'rekor-v2', create: true, ...spec, signer }],
    });
  const handles = [await open()];
  while (handles.length < processes) handles.push(await open());
  const servers = await Promise.all(
    handles.map(async (handle) => {
      const server = createHttpServer({ logger: silentLogger, metrics });
      await server.app.register(handle.routes);
      const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
      return { server, url: `http://127.0.0.1:${port}` };
    }),
  );
  const post = entryWriter();
  const administration = database.pool({ max: 1 });
  let size = 0;
  return {
    url: servers[0]?.url ?? '',
    metrics,
    publicKey: signer.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    async grow(to) {
      const indexes = Array.from({ length: to - size }, (_, i) => size + i);
      await inParallel(64, indexes, (index) => post(servers[index % servers.length]?.url ?? '', index));
      size = to;
    },
    async regrow(to) {
      for (let index = size; index < to; index++) {
        const taken = (): Promise<boolean> =>
          post(servers[index % servers.length]?.url ?? '', index).then(
            () => true,
            () => false,
          );
        await eventually(taken, (done) => done);
      }
      size = to;
    },
    async trouble() {
      const all = await Promise.all(handles.map((handle) => handle.ready()));
      return all.find(({ ok }) => !ok)?.detail;
    },
    async passTurn() {
      await administration.query(`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
        and database = (select oid from pg_database where datname = current_database())`);
    },
    served: (path) => fetchBytes(`${servers[0]?.url ?? ''}/${path}`),
    async close() {
      for (const { server } of servers) await server.close();
      for (const handle of handles) await handle.close();
      await database.drop();
    },
  };
}

/** Rejects for anything but 200. */
export async function fetchBytes(url: string): Promise<Buffer> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`${url} is answered with ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

/** Posts entries that the log verifies: each index is another artifact. */
function entryWriter(): (url: string, index: number) => Promise<void> {
  const bodyOf = entryBody();
  return async (url, index) => {
    const response = await fetch(`${url}/api/v2/log/entries`, { method: 'POST', body: bodyOf(index) });
    if (response.status !== 201) throw new Error(`entry ${index}: ${response.status} ${await response.text()}`);
  };
}

/** Requests that the log verifies, by artifact; each is signed once, so that asking again names the same entry. */
export function entryBody(): (index: number) => string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const rawBytes = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const made = new Map<number, string>();
  return (index) => {
    const known = made.get(index);
    if (known !== undefined) return known;
    const artifact = Buffer.from(`artifact ${index}\n`);
    const signature = {
      content: sign('sha256', artifact, privateKey).toString('base64'),
      verifier: { publicKey: { rawBytes }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' },
    };
    const digest = createHash('sha256').update(artifact).digest('base64');
    const body = JSON.stringify({ hashedRekordRequestV002: { digest, signature } });
    made.set(index, body);
    return body;
  };
}

/** Second line of a checkpoint. SPEC: C2SP tlog-checkpoint, Note text */
export function treeSizeOf(checkpoint: Buffer): number {
  return Number(checkpoint.toString().split('\n')[1]);
}

/** Names of everything that an export has put into a folder. */
export async function exportedFiles(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((each) => each.isFile())
    .map((each) => relative(folder, join(each.parentPath, each.name)))
    .filter((name) => name === 'checkpoint' || name.startsWith('tile/'));
}

/** Asks again and again until it holds; fails with what was found last. */
export async function eventually<T>(ask: () => Promise<T>, holds: (found: T) => boolean): Promise<T> {
  const deadlineMs = performance.now() + 30_000;
  for (;;) {
    const found = await ask();
    if (holds(found)) return found;
    if (performance.now() > deadlineMs) throw new Error(`it stays at ${String(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
