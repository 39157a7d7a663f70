import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onlyEntry } from './bundle.ts';
import { describeRefusals } from './refusals.ts';
import { jsVerifier, signWithJs } from './sigstore-js.ts';
import { statementAbout } from './statement.ts';
import { sharedWorkbench } from './workbench.ts';

const bench = await sharedWorkbench();
const other = await sharedWorkbench();
const { js: trust, token } = bench;
const artifact = Buffer.from('signed by sigstore-js\n');
const statement = statementAbout(artifact);
const signed = await signWithJs({ trust, token, kind: 'messageSignature', data: artifact });
const attested = await signWithJs({ trust, token, kind: 'dsseEnvelope', data: statement });
const message = await bench.sample('message signature', signed, artifact);
const envelope = await bench.sample('envelope', attested, artifact);
const clients = { verifier: jsVerifier(trust), stranger: jsVerifier(other.js) };

test('sigstore-js signs a blob and a statement, and verifies both with trust from TUF alone', async () => {
  await clients.verifier.verify(message);
  await clients.verifier.verify(envelope);
  assert.ok(signed.messageSignature !== undefined);
  assert.deepEqual(Buffer.from(attested.dsseEnvelope?.payload ?? '', 'base64'), statement);
  assert.equal(Number(onlyEntry(attested).logIndex), Number(onlyEntry(signed).logIndex) + 1);
});

describeRefusals('sigstore-js, message signature', { ...clients, sample: message, concurrency: 1 });
describeRefusals('sigstore-js, envelope', { ...clients, sample: envelope, concurrency: 1, comparesArtifact: false });
