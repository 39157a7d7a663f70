import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import pg from 'pg';
import { acceptChain } from '../src/core/ct/chain.ts';
import { IssuerLinks } from '../src/core/ct/issuer-links.ts';
import { readRoots } from '../src/core/ct/roots.ts';
import { certificate, isCa, POISON, type TestCertificate } from './support/certificates.ts';
import { startServer } from './support/server.ts';
import { sha256 } from './support/test-log.ts';

const root = certificate({ subject: 'root', extensions: [isCa()] });
const issuing = certificate({ subject: 'issuing', issuer: root, extensions: [isCa(0)] });
const leaf = certificate({ subject: 'leaf', issuer: issuing, extensions: [POISON] });
const roots = readRoots([root.der], sha256);

const accept = (signatures: IssuerLinks, ...chain: Uint8Array[]): unknown =>
  acceptChain(chain, roots, 'precert', signatures);

test('what is remembered of issuers vouches for their exact bytes alone', () => {
  const warm = new IssuerLinks(sha256);
  accept(warm, leaf.der, issuing.der, root.der);
  accept(warm, leaf.der, issuing.der);
  const badSignature = Buffer.from(issuing.der);
  badSignature[badSignature.length - 1]! ^= 1;
  const sameKey = (options: { issuer?: TestCertificate; ca: boolean }): TestCertificate =>
    certificate({
      subject: 'issuing',
      ...(options.issuer === undefined ? {} : { issuer: options.issuer }),
      extensions: options.ca ? [isCa(0)] : [POISON],
      key: issuing,
    });
  const otherRoot = certificate({ subject: 'root', extensions: [isCa()] });
  const forgedLeaf = Buffer.from(leaf.der);
  forgedLeaf[forgedLeaf.length - 1]! ^= 1;
  const cases: [string, Uint8Array[]][] = [
    ['a changed signature', [leaf.der, badSignature, root.der]],
    ['the same key without CA', [leaf.der, sameKey({ issuer: root, ca: false }).der, root.der]],
    ['the same key signed by itself', [leaf.der, sameKey({ ca: true }).der, root.der]],
    ['a root of the same name', [leaf.der, sameKey({ issuer: otherRoot, ca: true }).der, root.der]],
    ['a root of the same name, sent along', [leaf.der, sameKey({ issuer: otherRoot, ca: true }).der, otherRoot.der]],
    ['a changed end entity', [forgedLeaf, issuing.der, root.der]],
    ['an end entity of the root’s', [leaf.der, root.der]],
  ];
  for (const [name, chain] of cases) {
    for (const signatures of [warm, new IssuerLinks(sha256)]) {
      assert.throws(() => accept(signatures, ...chain), { code: 'entry_refused' }, name);
    }
  }
  // Flooding it with other chains costs memory within a bound, and no truth.
  for (let i = 0; i < 300; i++) {
    const own = certificate({ subject: `own ${i}`, issuer: root, extensions: [isCa(0)], key: issuing });
    accept(warm, certificate({ subject: 'x', issuer: own, extensions: [POISON], key: leaf }).der, own.der);
  }
  accept(warm, leaf.der, issuing.der, root.der);
});

test('an entry that was changed in the database gets no SCT when it is submitted again', async (t) => {
  const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
  const server = await startServer({
    // Nothing is kept in memory: what is read is what the database says.
    cacheBytes: 0,
    logs: [{ name: 'ct1', origin: 'ct.example.com', kind: 'ct', signer, acceptedRoots: [root.der], create: true }],
  });
  t.after(() => server.close());
  const log = server.handle.ct('ct1');
  await log.addPreChain([leaf.der, issuing.der]);
  await log.addPreChain([leaf.der, issuing.der]);
  const client = new pg.Client({ connectionString: server.database.connectionString });
  await client.connect();
  await client.query('set session_replication_role = replica');
  // A byte of the name in the precertificate's TBS.
  const { rowCount } = await client.query(
    `update log.batches set records = overlay(records placing 'leeg'::bytea from position('leaf'::bytea in records))`,
  );
  await client.end();
  assert.equal(rowCount, 1);
  await assert.rejects(log.addPreChain([leaf.der, issuing.der]), { code: 'internal' });
});
