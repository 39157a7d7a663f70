import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  addChainRequest,
  ctNoteVerifier,
  decodeLeafIndexExtension,
  merkleTreeLeaf,
  Oid,
  parseAddChainResponse,
  parseCertificate,
  parseSignedCheckpoint,
  publicKeyFromSpki,
  sthSignatureInput,
  tbsWithoutExtension,
  verifyCtSignature,
  verifyNote,
} from '@sigstead/formats';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { verifyConsistency, verifyInclusion } from '@sigstead/merkle';
import { testDatabase } from '@sigstead/test';
import { certificate, isCa, POISON } from './support/certificates.ts';
import { startServer } from './support/server.ts';
import { hasher, sha256 } from './support/test-log.ts';

const PROGRAM = join(import.meta.dirname, 'support', 'ct-server.ts');
const PROCESSES = 2;
const KILLS = 2;
/** SCTs that are checked between two kills. */
const CHECKED = 15;
const SUBMITTERS = 4;

const pem = generatePrivateKeyPem('ecdsa-p256-sha256');
const signer = signerFromPem(pem);
const logKey = publicKeyFromSpki(signer.spki);
const root = certificate({ subject: 'root', extensions: [isCa()] });
const entity = certificate({ subject: 'entity', extensions: [POISON] });

interface Server {
  child: ChildProcess;
  url: string;
}

interface Head {
  size: number;
  root: Buffer;
}

/** An entry that the log promised, as its SCT has it. */
interface Promised {
  index: number;
  leafHash: Uint8Array;
}

async function serve(connectionString: string): Promise<Server> {
  const args = [connectionString, Buffer.from(pem).toString('base64'), root.der.toString('base64')];
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('it ended before it served'))),
  ])) as [Buffer];
  return { child, url: `http://127.0.0.1:${port.toString().trim()}/ct/ct1` };
}

let count = 0;
/** Submits a precertificate of its own; undefined when nobody answered with a promise. */
async function submit({ url }: Server): Promise<Promised | undefined> {
  const precert = certificate({ subject: `leaf ${count++}`, issuer: root, extensions: [POISON], key: entity });
  const body = JSON.stringify(addChainRequest([precert.der]));
  const answer = await fetch(`${url}/ct/v1/add-pre-chain`, { method: 'POST', body }).catch(() => undefined);
  const text = await answer?.text().catch(() => undefined);
  if (answer === undefined || text === undefined || answer.status === 503) return undefined;
  assert.equal(answer.status, 200, text);
  const { timestampMs, extensions } = parseAddChainResponse(text);
  const tbs = tbsWithoutExtension(parseCertificate(precert.der), Oid.ctPoison);
  const entry = { type: 'precert', issuerKeyHash: sha256(root.spki), tbs } as const;
  const index = decodeLeafIndexExtension(extensions) ?? assert.fail();
  return { index, leafHash: hasher.leaf(merkleTreeLeaf({ timestampMs, entry, extensions })) };
}

async function json<T>(url: string): Promise<T> {
  const answer = await fetch(url);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return JSON.parse(text) as T;
}

async function headOf(url: string): Promise<Head> {
  const sth = await json<Record<string, never>>(`${url}/ct/v1/get-sth`);
  const head = { size: Number(sth['tree_size']), root: Buffer.from(String(sth['sha256_root_hash']), 'base64') };
  const signed = sthSignatureInput({ treeSize: head.size, root: head.root, timestampMs: Number(sth['timestamp']) });
  assert.ok(verifyCtSignature(logKey, signed, Buffer.from(String(sth['tree_head_signature']), 'base64')));
  return head;
}

async function checkpointOf(url: string): Promise<Head> {
  const text = await (await fetch(`${url}/checkpoint`)).text();
  verifyNote(text, [ctNoteVerifier('ct.example.com/1', logKey)]);
  const { size, root: hash } = parseSignedCheckpoint(text).checkpoint;
  return { size, root: Buffer.from(hash) };
}

async function checkUnder({ size, root: hash }: Head, { index, leafHash }: Promised, url: string): Promise<void> {
  assert.ok(size > index, `the SCT names index ${index}, the signed tree has ${size} entries`);
  const query = `hash=${encodeURIComponent(Buffer.from(leafHash).toString('base64'))}&tree_size=${size}`;
  const found = await json<{ leaf_index: number; audit_path: string[] }>(`${url}/ct/v1/get-proof-by-hash?${query}`);
  assert.equal(found.leaf_index, index);
  const proof = found.audit_path.map((each) => Buffer.from(each, 'base64'));
  verifyInclusion({ hasher, index, size, leafHash, proof, root: hash });
}

/** The promise is kept by a process that did not make it, now, under both heads that it shows. */
async function check(one: Promised, { url }: Server): Promise<Head[]> {
  const heads = [await headOf(url), await checkpointOf(url)];
  for (const head of heads) await checkUnder(head, one, url);
  return heads;
}

test('an SCT is given out only when the entry is in the signed tree of every process, whoever is killed meanwhile', {
  timeout: 120_000,
}, async (t) => {
  const database = await testDatabase();
  const servers: Server[] = [];
  const end = async ({ child }: Server): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  t.after(async () => {
    for (const server of servers) await end(server);
    await database.drop();
  });
  servers.push(await serve(database.connectionString));
  servers.push(...(await Promise.all(Array.from({ length: PROCESSES - 1 }, () => serve(database.connectionString)))));
  const promised: Promised[] = [];
  const heads: Head[] = [];
  let killing = 0;
  let goal = CHECKED;
  let turn = 0;
  const alive = (): Server => servers[turn++ % servers.length] ?? assert.fail();
  const submitter = async (): Promise<void> => {
    while (killing < KILLS || promised.length < goal) {
      const own = await submit(alive());
      if (own === undefined) continue;
      promised.push(own);
      const other = alive();
      try {
        heads.push(...(await check(own, other)));
      } catch (error) {
        // Only who was killed meanwhile may break off.
        if (!(error instanceof TypeError) || servers.includes(other)) throw error;
      }
    }
  };
  const killer = async (): Promise<void> => {
    while (killing < KILLS) {
      while (promised.length < goal) await new Promise((resolve) => void setTimeout(resolve, 5));
      const [victim] = servers.splice(killing % servers.length, 1);
      await end(victim ?? assert.fail());
      servers.push(await serve(database.connectionString));
      goal = promised.length + CHECKED;
      killing += 1;
    }
  };
  await Promise.all([killer(), ...Array.from({ length: SUBMITTERS }, submitter)]);

  const last = await startServer({
    database,
    logs: [{ name: 'ct1', origin: 'ct.example.com/1', kind: 'ct', signer, acceptedRoots: [root.der], leafIndex: true }],
  });
  t.after(() => last.close());
  const end_ = await headOf(`${last.url}/ct/ct1`);
  assert.equal(new Set(promised.map(({ index }) => index)).size, promised.length, 'an index was promised twice');
  for (const one of promised) await checkUnder(end_, one, `${last.url}/ct/ct1`);
  const bySize = new Map(heads.map((head) => [head.size, head]));
  for (const head of heads) assert.deepEqual(head.root, bySize.get(head.size)?.root, `two roots of size ${head.size}`);
  for (const { size, root: hash } of bySize.values()) {
    const url = `${last.url}/ct/ct1/ct/v1/get-sth-consistency?first=${size}&second=${end_.size}`;
    const proof = (await json<{ consistency: string[] }>(url)).consistency.map((each) => Buffer.from(each, 'base64'));
    verifyConsistency({ hasher, size1: size, size2: end_.size, root1: hash, root2: end_.root, proof });
  }
  assert.deepEqual((await last.handle.fsck('ct1')).problems, []);
  t.diagnostic(`${promised.length} SCTs, ${heads.length} heads of ${bySize.size} sizes, ${KILLS} kills`);
});
