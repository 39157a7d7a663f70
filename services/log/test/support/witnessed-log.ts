import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { parseSignedCheckpoint, parseWitnessPolicy, verifierOf, verifyNote } from '@sigstead/formats';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { verifyInclusion } from '@sigstead/merkle';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import type { LogOptions, LogSpec } from '../../src/index.ts';
import type { WitnessSpec } from '../../src/open-witness.ts';
import { hashedRekord, newKey } from './entries.ts';
import { FakeWitness, policyText } from './fake-witness.ts';
import { type RawResponse, send } from './raw-http.ts';
import { startServer, type TestServer } from './server.ts';
import { hasher } from './test-log.ts';

const PEM = generatePrivateKeyPem('ed25519');
export const signer = signerFromPem(PEM);
const key = newKey();

/** No round ends for want of time on a slow machine, unless a test says so. ms */
export const QUICK = { timeoutMs: 10_000, intervalMs: 10, waitMs: 15_000 };

const cleanups = new WeakMap<TestContext, (() => Promise<unknown>)[]>();

/** What was opened last is closed first: a log whose database is gone takes its time. */
function atEnd(t: TestContext, close: () => Promise<unknown>): void {
  const known = cleanups.get(t);
  if (known !== undefined) {
    known.push(close);
    return;
  }
  const all = [close];
  cleanups.set(t, all);
  t.after(async () => {
    for (const each of all.toReversed()) await each();
  });
}

export async function witnesses(t: TestContext, ...names: string[]): Promise<FakeWitness[]> {
  const started = await Promise.all(names.map((name) => FakeWitness.start(name)));
  atEnd(t, () => Promise.all(started.map((each) => each.close())));
  return started;
}

export interface WitnessedServer extends TestServer {
  get(path: string): Promise<RawResponse>;
  /** The same message is the same request. */
  post(message: string): Promise<RawResponse>;
  metric(name: string, labels: Record<string, string>): Promise<number | undefined>;
}

export async function database(t: TestContext): Promise<TestDatabase> {
  const made = await testDatabase();
  atEnd(t, () => made.drop());
  return made;
}

const requests = new Map<string, Buffer>();

function requestOf(message: string): Buffer {
  const body = requests.get(message) ?? Buffer.from(JSON.stringify(hashedRekord(key, message)));
  requests.set(message, body);
  return body;
}

/** One process of a witnessed log. Several with one database are one log. */
export async function witnessedServer(
  t: TestContext,
  options: {
    quorum: string | readonly string[];
    witnesses: readonly FakeWitness[];
    witness?: Partial<WitnessSpec>;
    spec?: Partial<LogSpec>;
    database?: TestDatabase;
    log?: Partial<LogOptions>;
  },
): Promise<WitnessedServer> {
  const policy = parseWitnessPolicy(policyText(options.witnesses, ...[options.quorum].flat()));
  const server = await startServer({
    logs: [
      {
        name: 'v2',
        origin: 'log.example.com',
        kind: 'rekor-v2',
        signer,
        create: true,
        witness: { policy, ...QUICK, ...options.witness },
        ...options.spec,
      },
    ],
    checkpointAgeMs: 0,
    ...options.log,
    ...(options.database === undefined ? {} : { database: options.database }),
  });
  const end = server.close.bind(server);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= end());
  atEnd(t, close);
  return Object.assign(server, {
    close,
    get: (target: string) => send(server.port, { method: 'GET', path: target }),
    post: (message: string) =>
      send(server.port, {
        method: 'POST',
        path: '/api/v2/log/entries',
        body: requestOf(message),
      }),
    async metric(name: string, labels: Record<string, string>) {
      const found = await server.metrics.registry.getSingleMetric(name)?.get();
      const isIt = (value: { labels: object }): boolean =>
        Object.entries(labels).every(([label, wanted]) => (value.labels as Record<string, unknown>)[label] === wanted);
      return found?.values.find(isIt)?.value;
    },
  });
}

export interface WitnessedProcess {
  get(path: string): Promise<RawResponse>;
  post(message: string): Promise<RawResponse>;
  kill(signal: NodeJS.Signals): void;
}

/** The same in a process of its own. */
export async function witnessedProcess(
  t: TestContext,
  options: { quorum: string; witnesses: readonly FakeWitness[]; database: TestDatabase },
): Promise<WitnessedProcess> {
  const policy = policyText(options.witnesses, options.quorum);
  const settings = JSON.stringify({ pem: PEM, policy, ...QUICK, mode: 'fail-closed' });
  const program = path.join(import.meta.dirname, 'witnessed-process.ts');
  const child = spawn(process.execPath, [program, options.database.connectionString, settings], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  atEnd(t, async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(said.toString());
  return {
    get: (target) => send(port, { method: 'GET', path: target }),
    post: (message) => send(port, { method: 'POST', path: '/api/v2/log/entries', body: requestOf(message) }),
    kill: (signal) => void child.kill(signal),
  };
}

export interface Cosigned {
  size: number;
  root: Uint8Array;
  text: string;
  extensions: readonly string[];
  /** Names of the signature lines, in their order. */
  lines: string[];
  /** Of the given witnesses, those whose line is there and verifies. */
  by: string[];
}

/** Reads a note as a client does that trusts these witnesses: a bad signature of a known key spoils it. */
export function readNote(note: string | Uint8Array, known: readonly FakeWitness[]): Cosigned {
  const { checkpoint, note: parsed } = parseSignedCheckpoint(Buffer.from(note).toString('utf8'));
  const by = known.filter(({ key: cosigner }) => {
    if (!parsed.signatures.some(({ name }) => name === cosigner.name)) return false;
    return verifyNote(parsed, [verifierOf(cosigner)]).length === 1;
  });
  const { size, root, extensions } = checkpoint;
  const lines = parsed.signatures.map(({ name }) => name);
  return { size, root, extensions, text: parsed.text, lines, by: by.map(({ name }) => name) };
}

export interface Answered extends Cosigned {
  index: number;
}

/** Verifies an answer about an entry as a client does: proof, root and size are those of its checkpoint. */
export function readAnswer(answer: RawResponse, known: readonly FakeWitness[]): Answered {
  assert.equal(answer.status, 201, answer.body.toString());
  const entry = JSON.parse(answer.body.toString()) as {
    logIndex: string;
    canonicalizedBody: string;
    inclusionProof: { treeSize: string; rootHash: string; hashes: string[]; checkpoint: { envelope: string } };
  };
  const { treeSize, rootHash, hashes, checkpoint } = entry.inclusionProof;
  const note = readNote(checkpoint.envelope, known);
  assert.deepEqual([Number(treeSize), rootHash], [note.size, Buffer.from(note.root).toString('base64')]);
  verifyInclusion({
    hasher,
    index: Number(entry.logIndex),
    size: note.size,
    root: note.root,
    leafHash: hasher.leaf(Buffer.from(entry.canonicalizedBody, 'base64')),
    proof: hashes.map((each) => Buffer.from(each, 'base64')),
  });
  return { ...note, index: Number(entry.logIndex) };
}

/** Asks until it holds; the runner's own time limit ends what never does. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
