import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { cp, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseSignedCheckpoint } from '@sigstead/formats';
import { signerFromPem } from '@sigstead/keys';
import { composeLog } from '@sigstead/log';
import { createHttpServer, createMetrics, silentLogger, systemClock } from '@sigstead/platform';
import { freePort } from '../support/index.ts';

const LAUNCHER = resolve(import.meta.dirname, '../../cli/bin/sigstead');
export const LOG = 'rekor';
/** The slowest start on a machine that is busy with other things. */
const START_MS = 60_000;

export interface Head {
  size: number;
  /** Hex. */
  root: string;
}

/** What a write was answered. */
export interface Answer {
  status: number;
  /** Of the checkpoint in a 201. */
  head: Head | undefined;
  body: string;
}

/** A `sigstead serve` of one log: its configuration in a folder, its own port. */
export class ServeSite {
  readonly configFile: string;
  readonly url: string;
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  output = '';

  private constructor(folder: string, url: string) {
    this.#folder = folder;
    this.url = url;
    this.configFile = join(folder, 'sigstead.yaml');
  }

  /** @param at the log's key, the folder of its mark, and the URL of its database */
  static async make(folder: string, at: { keyPem: string; state: string; database: string }): Promise<ServeSite> {
    await mkdir(folder, { recursive: true });
    const port = await freePort();
    const site = new ServeSite(folder, `http://localhost:${port}`);
    await writeFile(join(folder, 'rekor.key'), at.keyPem, { mode: 0o600 });
    await writeFile(
      site.configFile,
      `version: 1
stateFolder: ${at.state}
database:
  url: ${at.database}
  # The tests' PostgreSQL does not flush.
  dangerouslyAllowUnsafeSettings: true
logs:
  - {name: ${LOG}, kind: rekor-v2, listen: localhost:${port}, publicUrl: ${site.url}, keyFile: rekor.key}
`,
    );
    return site;
  }

  /** Resolves when it listens. Rejects with its output when it ends before. */
  async start(): Promise<void> {
    const ready = join(this.#folder, 'ready.json');
    await rm(ready, { force: true });
    this.output = '';
    const child = spawn(LAUNCHER, ['serve', '--config', this.configFile, '--ready-file', ready], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    let over = false;
    this.#ended = new Promise((done) => {
      child.once('close', () => {
        over = true;
        done();
      });
    });
    const isReady = (): Promise<boolean> =>
      stat(ready).then(
        () => true,
        () => over,
      );
    await until('serve listens', START_MS, isReady);
    if (over) throw new Error(`serve ended before it was ready:\n${this.output}`);
  }

  async stop(): Promise<void> {
    this.#child?.kill('SIGTERM');
    await this.#ended;
  }

  /** With a signature by a key that nobody keeps. */
  async post(): Promise<Answer> {
    const answer = await fetch(`${this.url}/api/v2/log/entries`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: newEntry(),
    });
    const body = await answer.text();
    return { status: answer.status, head: answer.status === 201 ? headOf(body) : undefined, body };
  }

  async posts(count: number): Promise<Head[]> {
    const heads: Head[] = [];
    for (let i = 0; i < count; i++) {
      const { status, head, body } = await this.post();
      if (head === undefined) throw new Error(`an entry was answered ${status}: ${body}`);
      heads.push(head);
    }
    return heads;
  }

  /** The newest head that it shows; undefined when it shows none. */
  async checkpoint(): Promise<Head | undefined> {
    const answer = await fetch(`${this.url}/checkpoint`);
    const text = await answer.text();
    return answer.status === 200 ? parsedHead(text) : undefined;
  }

  /** Why it is not ready; undefined when it is. */
  async unready(): Promise<string | undefined> {
    const answer = await fetch(`${this.url}/readyz`);
    const report = (await answer.json()) as { parts: { log: { detail?: string } } };
    return answer.status === 200 ? undefined : (report.parts.log.detail ?? '');
  }
}

/** Resolves when `holds` does; rejects when it does not within this time. */
export async function until(what: string, limitMs: number, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await delay(10);
  }
}

/** Makes the log in an empty database and its mark in `state`, with one entry. */
export async function makeLog(database: string, keyPem: string, state: string): Promise<void> {
  const markFile = join(state, `log-${LOG}`);
  await append({ database, keyPem, count: 1, spec: { create: true, markFile } });
}

/** Appends as a server would that knows nothing of a mark: the other branch of a fork. */
export async function append(to: {
  database: string;
  keyPem: string;
  count: number;
  spec?: { create: boolean; markFile: string };
}): Promise<void> {
  const signer = signerFromPem(to.keyPem);
  const log = await composeLog({
    connectionString: to.database,
    logger: silentLogger,
    metrics: createMetrics(),
    clock: systemClock,
    logs: [{ name: LOG, origin: 'localhost', kind: 'rekor-v2', signer, ...to.spec }],
  });
  const server = createHttpServer({ logger: silentLogger, metrics: createMetrics() });
  try {
    await server.app.register(log.routes);
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    for (let i = 0; i < to.count; i++) {
      const headers = { 'content-type': 'application/json' };
      const url = `http://127.0.0.1:${port}/api/v2/log/entries`;
      const { status } = await fetch(url, { method: 'POST', headers, body: newEntry() });
      if (status !== 201) throw new Error(`an entry was answered ${status}`);
    }
  } finally {
    await server.close({ deadlineMs: 1000 });
    await log.close();
  }
}

export function copyFolder(from: string, to: string): Promise<void> {
  return cp(from, to, { recursive: true });
}

function headOf(body: string): Head {
  const answer = JSON.parse(body) as { inclusionProof: { checkpoint: { envelope: string } } };
  return parsedHead(answer.inclusionProof.checkpoint.envelope);
}

function parsedHead(note: string): Head {
  const { size, root } = parseSignedCheckpoint(note).checkpoint;
  return { size, root: Buffer.from(root).toString('hex') };
}

const KEYS = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const SPKI = KEYS.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');

/** SPEC: rekor-tiles hashedrekord 0.0.2, public key as verifier */
function newEntry(): string {
  const artifact = randomBytes(16);
  return JSON.stringify({
    hashedRekordRequestV002: {
      digest: createHash('sha256').update(artifact).digest('base64'),
      signature: {
        content: sign('sha256', artifact, KEYS.privateKey).toString('base64'),
        verifier: { publicKey: { rawBytes: SPKI }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' },
      },
    },
  });
}
