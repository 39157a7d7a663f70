import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { RFC3161Timestamp } from '@sigstore/core';
import type { VerificationModel } from '@sigstead/formats';
import { startInstance, type Instance } from '../instance/index.ts';
import { checkCertificate } from './support/certificate-oracles.ts';
import { type CtHead, CtReader } from './support/ct-reader.ts';
import { testFolder } from './support/folders.ts';
import { UnexpectedStatus } from './support/http.ts';
import { descendants, HAS_PROC, type ProcessInfo, untilGone } from './support/processes.ts';
import { bodyOf, checkPrefix, type Head, RekorReader } from './support/rekor-reader.ts';
import { type Signed, signArtifact } from './support/signing.ts';
import { SigstoreJs } from './support/sigstore-js.ts';

const CYCLES = 3;
const SIGNERS = 8;
/** So many signatures are answered before the kill, which falls between two of them. */
const ANSWERS_BEFORE_KILL = 40;
/** A fast shutdown may take PostgreSQL 5 s, an immediate one comes after it. */
const POSTGRES_GONE_MS = 10_000;
const EMAIL = 'crash@example.com';

/** Everything that was ever answered, over all lives of the instance. */
const signed: Signed[] = [];
const leaves: Buffer<ArrayBuffer>[] = [];
const heads: Head[] = [];
const ctHeads: CtHead[] = [];
const folder = await testFolder();
let running: Instance | undefined;

after(async () => {
  await running?.kill();
});

test('kill -9 during signing load, and start again on the same data: nothing answered is lost, nothing forks', async (t) => {
  const dataDir = join(folder, 'data');
  let instance = await startInstance({ dataDir });
  running = instance;
  const { port } = new URL(instance.url);
  for (let cycle = 1; cycle <= CYCLES; cycle++) {
    const before_ = signed.length;
    const processes = await loadUntilKilled(instance);
    t.diagnostic(`cycle ${cycle}: ${signed.length - before_} signatures and ${leaves.length} certificates answered`);
    // In every second cycle the next start meets the old PostgreSQL.
    if (cycle % 2 === 1) await assertGone(processes);
    instance = await startInstance({ dataDir, port: null });
    running = instance;
    assert.equal(new URL(instance.url).port, port, 'the data folder remembers its port');
    await assertGone(processes);
    await verifyAll(instance);
  }
  const processes = HAS_PROC ? descendants(instance.pid) : [];
  assert.deepEqual(await instance.stop(), { code: 0, signal: null });
  await assertGone(processes);
});

async function assertGone(processes: readonly ProcessInfo[]): Promise<void> {
  if (!HAS_PROC) return;
  assert.ok(
    processes.some(({ command }) => command.includes('postgres')),
    'no PostgreSQL was seen below the instance',
  );
  await untilGone(processes, POSTGRES_GONE_MS);
}

/** Signs from many sides; the kill comes while others wait for their answers. Resolves with what ran below it then. */
async function loadUntilKilled(instance: Instance): Promise<ProcessInfo[]> {
  const token = await instance.token({ email: EMAIL });
  const trust = await (await SigstoreJs.of(instance, folder)).trust();
  const rekor = new RekorReader(instance.url, trust);
  const ct = new CtReader(instance.url, trust);
  const goal = signed.length + ANSWERS_BEFORE_KILL;
  let processes: ProcessInfo[] = [];
  let killed: Promise<unknown> | undefined;
  const untilDead = async (work: () => Promise<unknown>): Promise<void> => {
    while (killed === undefined) {
      try {
        await work();
      } catch (error) {
        // Connections break when it dies; before that every request must be answered, and never with another status.
        if (killed === undefined || error instanceof UnexpectedStatus) throw error;
      }
    }
  };
  const signer = async (): Promise<void> => {
    const certificate = (leaf: Buffer<ArrayBuffer>): unknown => leaves.push(leaf);
    signed.push(await signArtifact(instance.url, { token, email: EMAIL }, randomBytes(64), { certificate }));
    if (signed.length < goal || killed !== undefined) return;
    processes = HAS_PROC ? descendants(instance.pid) : [];
    killed = instance.kill();
  };
  const watcher = async (): Promise<void> => {
    heads.push(await rekor.head());
    ctHeads.push(await ct.head());
  };
  await Promise.all([untilDead(watcher), ...Array.from({ length: SIGNERS }, () => untilDead(signer))]);
  await killed;
  return processes;
}

async function verifyAll(instance: Instance): Promise<void> {
  const js = await SigstoreJs.of(instance, folder);
  const trust = await js.trust();
  await verifyBundles(instance, js);
  await verifyRekor(instance, trust);
  await verifyCt(instance, trust);
  await verifyTimeGoesOn(instance);
}

/** Every signature that was answered still verifies in a client, with trust material fetched now. */
async function verifyBundles(instance: Instance, js: SigstoreJs): Promise<void> {
  const verifier = await js.verifier({ email: EMAIL, issuer: `${instance.url}/oidc` });
  for (const { bundle, artifact } of signed) verifier.verify(bundle, artifact);
}

async function verifyRekor(instance: Instance, trust: VerificationModel): Promise<void> {
  const reader = new RekorReader(instance.url, trust);
  const now = await reader.head();
  const answered = signed.map(({ entry }) => reader.checkAnswer(entry));
  const tree = await reader.fetch(now);
  for (const { entry } of signed) {
    const index = Number(entry.logIndex);
    assert.deepEqual(tree.entries[index], bodyOf(entry), `entry ${index} is another one`);
  }
  for (const head of [...answered, ...heads]) {
    assert.ok(head.size <= tree.size, `the log of ${tree.size} entries was at ${head.size} before`);
    checkPrefix(head, tree);
  }
  const indexes = new Set(signed.map(({ entry }) => entry.logIndex));
  assert.equal(indexes.size, signed.length, 'an index was given twice');
  const { entry } = await sign(instance);
  const next = reader.checkAnswer(entry);
  assert.equal(Number(entry.logIndex), tree.size, 'the log does not go on from its size');
  checkPrefix(tree, await reader.fetch(next));
  heads.push(now, next);
}

async function sign(instance: Instance): Promise<Signed> {
  const token = await instance.token({ email: EMAIL });
  const one = await signArtifact(instance.url, { token, email: EMAIL }, randomBytes(64));
  signed.push(one);
  leaves.push(one.leaf);
  return one;
}

async function verifyCt(instance: Instance, trust: VerificationModel): Promise<void> {
  const reader = new CtReader(instance.url, trust);
  const head = await reader.head();
  const entries = await reader.entries(head);
  for (const older of ctHeads) {
    assert.ok(older.timestampMs <= head.timestampMs, 'tree head time went back');
    await reader.checkConsistency(older, head);
  }
  const indexes = new Set<number>();
  for (const leaf of leaves) {
    indexes.add(await reader.checkLogged(leaf, head));
    await checkCertificate(leaf, trust);
  }
  assert.equal(indexes.size, leaves.length, 'two certificates share an entry');
  assert.ok(entries.length >= leaves.length);
  ctHeads.push(head);
}

/** The timestamp made last is not older than any made before the kill. */
async function verifyTimeGoesOn(instance: Instance): Promise<void> {
  const times = signed.map(({ timestamp }) => RFC3161Timestamp.parse(timestamp).signingTime.getTime());
  const { timestamp } = await sign(instance);
  assert.ok(RFC3161Timestamp.parse(timestamp).signingTime.getTime() >= Math.max(...times), 'time went back');
}
