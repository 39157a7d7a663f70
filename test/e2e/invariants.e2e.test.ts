import assert from 'node:assert/strict';
import { createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import { before, test } from 'node:test';
import { RFC3161Timestamp } from '@sigstore/core';
import { consistencyProof, type GetNode, treeNodes, verifyConsistency } from '@sigstead/merkle';
import { sharedInstance } from '../instance/index.ts';
import { checkCertificate } from './support/certificate-oracles.ts';
import { type CtHead, CtReader } from './support/ct-reader.ts';
import { identityOf } from './support/identity.ts';
import { testFolder } from './support/folders.ts';
import { post, postJson, send, UnexpectedStatus } from './support/http.ts';
import { bodyOf, hasher, type Head, RekorReader } from './support/rekor-reader.ts';
import {
  certificateRequest,
  devToken,
  entryRequest,
  newKey,
  requestCertificate,
  requestTimestamp,
  type Signed,
  signArtifact,
} from './support/signing.ts';
import { SigstoreJs } from './support/sigstore-js.ts';
import { ROLES, tufState, type TufState } from './support/tuf-reader.ts';

const WRITERS = 10;
const SIGNATURES_EACH = 20;
/** Beside the signers, to fill more than one tile. */
const PLAIN_ENTRIES = 300;
const EMAIL = 'writer@example.com';

const instance = await sharedInstance();
const { url } = instance;
const js = await SigstoreJs.of(instance, await testFolder());
const trust = await js.trust();
const rekor = new RekorReader(url, trust);
const ct = new CtReader(url, trust);

/** Everything that the instance ever answered to this file. */
const signed: Signed[] = [];
const plain: { index: number; body: Buffer; head: Head }[] = [];
const polled: Head[] = [];
const ctHeads: CtHead[] = [];
const tufStates: TufState[] = [];

before(async () => {
  const token = await devToken(url, { issuer: 'email', email: EMAIL });
  let writing = true;
  const poll = async (look: () => Promise<unknown>): Promise<void> => {
    while (writing) await look();
  };
  const polling = [
    poll(async () => polled.push(await rekor.head())),
    poll(async () => polled.push(await rekor.head('/api/v2/checkpoint'))),
    poll(async () => ctHeads.push(await ct.head())),
    poll(async () => tufStates.push(await tufState(url))),
  ];
  const writer = async (): Promise<void> => {
    for (let i = 0; i < SIGNATURES_EACH; i++)
      signed.push(await signArtifact(url, { token, email: EMAIL }, randomBytes(32)));
  };
  try {
    await Promise.all([...Array.from({ length: WRITERS }, writer), writePlain(token)]);
  } finally {
    writing = false;
    await Promise.allSettled(polling);
  }
  await Promise.all(polling);
});

/** Entries that share one certificate, in bursts: several of them fall into one batch. */
async function writePlain(token: string): Promise<void> {
  const key = newKey();
  const leaf = await requestCertificate(url, { token, subject: EMAIL, key });
  for (let done = 0; done < PLAIN_ENTRIES; done += 20) {
    const burst = Array.from({ length: 20 }, async () => {
      const artifact = randomBytes(32);
      const body = entryRequest({ artifact, signature: sign('sha256', artifact, key.privateKey), leaf });
      const answer = await send(`${url}/api/v2/log/entries`, postJson(body));
      assert.equal(answer.status, 201);
      const entry = JSON.parse(answer.bytes.toString('utf8')) as Signed['entry'];
      plain.push({ index: Number(entry.logIndex), body: bodyOf(entry), head: rekor.checkAnswer(entry) });
    });
    await Promise.all(burst);
  }
}

/** All heads of the v2 log that were seen: in answers, and at both addresses of the checkpoint. */
function allHeads(): Head[] {
  return [...signed.map(({ entry }) => rekor.checkAnswer(entry)), ...plain.map(({ head }) => head), ...polled];
}

test('I1 all checkpoints ever returned, with many writers, are pairwise consistent', async (t) => {
  const newest = await rekor.head();
  const { node } = await rekor.fetch(newest);
  const bySize = new Map(allHeads().map((head) => [head.size, head]));
  const heads = [...bySize.values(), newest].sort((a, b) => a.size - b.size);
  t.diagnostic(`${heads.length} sizes up to ${newest.size}`);
  assert.ok(heads.length > 20, 'too few checkpoints were seen');
  for (const newer of heads) {
    const nodes = nodesAt(newer, node);
    for (const older of heads) {
      if (older.size >= newer.size) break;
      const proof = consistencyProof(older.size, newer.size, nodes);
      verifyConsistency({ hasher, size1: older.size, size2: newer.size, root1: older.root, root2: newer.root, proof });
    }
  }
});

test('I1 all tree heads of the CT log that were seen are consistent, one after the other', async () => {
  const heads = [...new Map([...ctHeads, await ct.head()].map((head) => [head.size, head])).values()];
  assert.ok(heads.length > 10);
  for (const [at, newer] of heads.entries()) {
    const older = heads[at - 1];
    if (older !== undefined) await ct.checkConsistency(older, newer);
  }
});

test('I2 every acknowledged entry is in the tree at its index, byte for byte', async () => {
  const { entries } = await rekor.fetch(await rekor.head());
  for (const { entry } of signed) assert.deepEqual(entries[Number(entry.logIndex)], bodyOf(entry));
  for (const { index, body } of plain) assert.deepEqual(entries[index], body);
});

test('I3 indexes are dense and used once', async () => {
  const { size, entries } = await rekor.fetch(await rekor.head());
  const own = [...signed.map(({ entry }) => Number(entry.logIndex)), ...plain.map(({ index }) => index)];
  // Entry 0 is the instance's own.
  assert.equal(size, 1 + own.length);
  assert.deepEqual(
    own.toSorted((a, b) => a - b),
    Array.from({ length: own.length }, (_, i) => i + 1),
  );
  assert.equal(new Set(entries.map((entry) => entry.toString('base64'))).size, size, 'an entry is there twice');
});

test('I4 no two roots for one size ever left the process, in either log', () => {
  for (const heads of [allHeads(), ctHeads]) {
    const roots = new Map<number, string>();
    for (const { size, root } of heads) {
      const text = Buffer.from(root).toString('hex');
      assert.equal(roots.get(size) ?? text, text, `two roots for size ${size}`);
      roots.set(size, text);
    }
  }
});

test('I5 every certificate handed out has a valid SCT, and its precertificate is in the CT log', async () => {
  const head = await ct.head();
  await ct.entries(head);
  const indexes = new Set<number>();
  for (const { leaf } of signed) {
    await checkCertificate(leaf, trust);
    indexes.add(await ct.checkLogged(leaf, head));
  }
  assert.equal(indexes.size, signed.length, 'two certificates share an entry');
});

test('I6 tree head time, tree sizes and timestamps never go back', async () => {
  for (const [at, head] of ctHeads.entries()) {
    const last = ctHeads[at - 1] ?? head;
    assert.ok(head.timestampMs >= last.timestampMs && head.size >= last.size, 'a CT tree head went back');
  }
  let lastMs = 0;
  for (let i = 0; i < 50; i++) {
    const { signingTime } = RFC3161Timestamp.parse(await requestTimestamp(url, randomBytes(8)));
    assert.ok(signingTime.getTime() >= lastMs, 'timestamp time went back');
    lastMs = signingTime.getTime();
  }
  const sizes: number[] = [];
  for (let i = 0; i < 20; i++) sizes.push((await rekor.head()).size);
  assert.deepEqual(
    sizes,
    sizes.toSorted((a, b) => a - b),
  );
});

const CI_CLAIMS = {
  sub: 'repo:octo/repo:ref:refs/heads/main',
  repository: 'octo/repo',
  repository_id: '1',
  repository_owner: 'octo',
  repository_owner_id: '2',
  repository_visibility: 'public',
  ref: 'refs/heads/main',
  sha: 'a'.repeat(40),
  workflow: 'build <&> "é"',
  workflow_ref: 'octo/repo/.github/workflows/build.yml@refs/heads/main',
  workflow_sha: 'b'.repeat(40),
  job_workflow_ref: 'octo/repo/.github/workflows/build.yml@refs/heads/main',
  job_workflow_sha: 'b'.repeat(40),
  event_name: 'push',
  runner_environment: 'github-hosted',
  run_id: '12345',
  run_attempt: '1',
};

test('I7 name and issuer in a certificate equal the verified token, for all three issuers', async () => {
  const emails = ['a@example.com', 'First.Last+tag@Example.COM', "o'neil@example.co.uk", 'x_y-z@sub.example.org'];
  for (const email of emails) {
    const leaf = await certificateOf({ issuer: 'email', email }, email);
    assert.deepEqual(identityOf(leaf), { type: 'email', name: email, issuer: `${url}/oidc` });
  }
  const uri = 'http://localhost/team/a%20b?x=1';
  const workload = await certificateOf({ issuer: 'uri', claims: { sub: uri } }, uri);
  assert.deepEqual(identityOf(workload), { type: 'uri', name: uri, issuer: `${url}/oidc/uri` });
  const build = await certificateOf({ issuer: 'ci', claims: CI_CLAIMS }, CI_CLAIMS.sub);
  const { name, issuer } = identityOf(build);
  assert.equal(issuer, `${url}/oidc/ci`);
  assert.ok(name.endsWith(`/${CI_CLAIMS.job_workflow_ref}`), name);
});

async function certificateOf(wish: Record<string, unknown>, subject: string): Promise<Buffer<ArrayBuffer>> {
  const leaf = await requestCertificate(url, { token: await devToken(url, wish), subject, key: newKey() });
  await checkCertificate(leaf, trust);
  return leaf;
}

test('I7 a certificate is for the key that was proven, and only for a token that verifies', async () => {
  const token = await devToken(url, { issuer: 'email', email: EMAIL });
  const key = newKey();
  const leaf = await requestCertificate(url, { token, subject: EMAIL, key });
  const data = randomBytes(8);
  const signature = sign('sha256', data, key.privateKey);
  assert.ok(
    verify(
      'sha256',
      data,
      createPublicKey(`-----BEGIN CERTIFICATE-----\n${leaf.toString('base64')}\n-----END CERTIFICATE-----\n`),
      signature,
    ),
  );
  const proof = certificateRequest({ token, subject: EMAIL, key: newKey() });
  const other = certificateRequest({ token, subject: EMAIL, key });
  const keys = (request: Record<string, unknown>): Record<string, unknown> =>
    request['publicKeyRequest'] as Record<string, unknown>;
  const swapped = {
    ...other,
    publicKeyRequest: { ...keys(other), proofOfPossession: keys(proof)['proofOfPossession'] },
  };
  await assertRefused(swapped);
  await assertRefused(certificateRequest({ token, subject: 'someone.else@example.com', key }));
  for (const forged of forgeries(token))
    await assertRefused(certificateRequest({ token: forged, subject: 'root@example.com', key }));
});

async function assertRefused(request: Record<string, unknown>): Promise<void> {
  const answer = await send(`${url}/api/v2/signingCert`, postJson(request));
  assert.equal(answer.status, 400, new UnexpectedStatus('signingCert', answer).message);
}

/** The token with another e-mail address in it: signature kept, left out, or made with what is public. */
function forgeries(token: string): string[] {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const part = (text: string): Record<string, unknown> =>
    JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Record<string, unknown>;
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = encode({ ...part(payload), email: 'root@example.com', sub: 'root@example.com' });
  const none = encode({ ...part(header), alg: 'none' });
  return [
    `${header}.${claims}.${signature}`,
    `${none}.${claims}.`,
    `${none}.${claims}.${signature}`,
    `${header}.${claims}.`,
  ];
}

test('I7 nobody else than the issuer puts claims of time, audience or issuer into a token', async () => {
  const claims = {
    ...CI_CLAIMS,
    iss: `${url}/oidc`,
    aud: 'other',
    exp: 9_999_999_999,
    email: EMAIL,
    email_verified: true,
  };
  const leaf = await certificateOf({ issuer: 'ci', claims }, CI_CLAIMS.sub);
  assert.equal(identityOf(leaf).issuer, `${url}/oidc/ci`);
  const refused = await send(
    `${url}/oidc/dev/token`,
    post(JSON.stringify({ issuer: 'email', email: EMAIL, claims: {} })),
  );
  assert.equal(refused.status, 400);
});

test('I8 TUF versions never decrease, and nothing that is served has expired', async () => {
  tufStates.push(await tufState(url));
  const nowMs = Date.now();
  for (const [at, state] of tufStates.entries()) {
    for (const role of ROLES) {
      assert.ok(state[role].version >= (tufStates[at - 1]?.[role].version ?? 1), `${role} went back`);
      assert.ok(state[role].expiresMs > nowMs, `${role} has expired`);
    }
  }
});

/** The tree under an older head, from the nodes of the newest: perfect nodes never change. */
function nodesAt(head: Head, newest: GetNode): GetNode {
  return treeNodes({ hasher, size: head.size, perfectNode: newest });
}
