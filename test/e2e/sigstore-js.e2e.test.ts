import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { SerializedBundle } from '@sigstore/bundle';
import type { BundleVerifier } from 'sigstore';
import { type BundleJson, leafOf } from '../clients/bundle.ts';
import { statementAbout } from '../clients/statement.ts';
import { sharedInstance, startInstance, type Instance } from '../instance/index.ts';
import { type BundleField, FIELDS, flipBit } from './support/bundle-flips.ts';
import { checkCertificate } from './support/certificate-oracles.ts';
import { testFolder } from './support/folders.ts';
import { RekorReader } from './support/rekor-reader.ts';
import { SigstoreJs } from './support/sigstore-js.ts';

const EMAIL = 'first@example.com';
const ARTIFACT = Buffer.from('signed by sigstore-js\n');

const instance = await sharedInstance();
const folder = await testFolder();
const issuer = `${instance.url}/oidc`;
const token = await instance.token({ email: EMAIL });
const js = await SigstoreJs.of(instance, folder);
const trust = await js.trust();
const message = await js.signMessage(ARTIFACT, token);
const envelope = await js.attest(statementAbout(ARTIFACT), token);

test('the very first bundle of a new instance is verified, and is neither entry 0 nor without a proof', async () => {
  const [entry] = message.verificationMaterial.tlogEntries;
  assert.equal(entry?.logIndex, '1');
  assert.ok((entry.inclusionProof?.hashes.length ?? 0) > 0);
  await js.verify(message, { email: EMAIL, issuer }, ARTIFACT);
});

test('a DSSE in-toto statement is verified with trust material from the TUF repository alone', async () => {
  assert.ok(envelope.dsseEnvelope !== undefined);
  await js.verify(envelope, { email: EMAIL, issuer });
});

test('a verifier with an empty cache of its own accepts both', async () => {
  const stranger = await SigstoreJs.of(instance, folder);
  await stranger.verify(message, { email: EMAIL, issuer }, ARTIFACT);
  await stranger.verify(envelope, { email: EMAIL, issuer });
});

test('a token of the uri issuer gives a bundle that is verified by its URI', async () => {
  const uri = `${new URL(instance.url).origin.replace(/:\d+$/, '')}/workload`;
  const workload = await instance.token({ issuer: 'uri', claims: { sub: uri } });
  const bundle = await js.signMessage(ARTIFACT, workload);
  await js.verify(bundle, { uri, issuer: `${issuer}/uri` }, ARTIFACT);
  await checkCertificate(leafOf(bundle as unknown as BundleJson), trust);
});

test('@peculiar/x509 and @sigstore/core verify every certificate and SCT, and our reader every entry', async () => {
  const reader = new RekorReader(instance.url, trust);
  for (const bundle of [message, envelope]) {
    await checkCertificate(leafOf(bundle as unknown as BundleJson), trust);
    const [entry] = bundle.verificationMaterial.tlogEntries;
    reader.checkAnswer(entry as unknown as Parameters<RekorReader['checkAnswer']>[0]);
  }
});

describe('sigstore-js refuses', () => {
  let verifier: BundleVerifier;
  before(async () => {
    verifier = await js.verifier({ email: EMAIL, issuer });
  });
  const judge = (bundle: SerializedBundle): unknown =>
    bundle.messageSignature === undefined ? verifier.verify(bundle) : verifier.verify(bundle, ARTIFACT);

  test('nothing of what it is given untouched', () => {
    judge(message);
    judge(envelope);
  });

  for (const field of FIELDS) {
    test(`one bit flipped in ${field.name}`, () => {
      const tried = refuseFlips(field, message, judge) + refuseFlips(field, envelope, judge);
      assert.ok(tried >= 8, `only ${tried} bits were tried`);
    });
  }

  test('another payload type of the envelope', () => {
    const copy = structuredClone(envelope);
    assert.ok(copy.dsseEnvelope !== undefined);
    copy.dsseEnvelope.payloadType = 'application/vnd.in-toto+jsoN';
    assert.throws(() => judge(copy));
  });

  test('the entry, timestamp or certificate of another signature', async () => {
    const other = await js.signMessage(Buffer.from('another artifact'), token);
    for (const part of ['tlogEntries', 'timestampVerificationData', 'x509CertificateChain'] as const) {
      assert.ok(message.verificationMaterial[part] !== undefined);
      const mixed = structuredClone(message);
      Object.assign(mixed.verificationMaterial, { [part]: other.verificationMaterial[part] });
      assert.throws(() => judge(mixed), `${part} of another signature is accepted`);
    }
  });

  test('a wrong identity', async () => {
    const wrong = { email: 'second@example.com', issuer };
    await assert.rejects(js.verify(message, wrong, ARTIFACT), /identity/i);
    await assert.rejects(js.verify(envelope, wrong), /identity/i);
  });

  test('a wrong issuer', async () => {
    const wrong = { email: EMAIL, issuer: `${issuer}/uri` };
    await assert.rejects(js.verify(message, wrong, ARTIFACT), /extension|issuer/i);
    await assert.rejects(js.verify(envelope, wrong), /extension|issuer/i);
  });

  test('a changed artifact', async () => {
    const changed = Buffer.concat([ARTIFACT, Buffer.of(0)]);
    await assert.rejects(
      js.verify(message, { email: EMAIL, issuer }, changed),
      /signature verification failed|digest/i,
    );
  });
});

describe('with the trust material of another instance sigstore-js refuses', () => {
  let other: Instance;
  before(async () => {
    other = await startInstance();
  });
  after(async () => {
    await other.stop();
  });

  test('the bundles of this one, and this one those of the other', async () => {
    const foreign = await SigstoreJs.of(other, folder);
    await assert.rejects(foreign.verify(message, { email: EMAIL, issuer }, ARTIFACT));
    await assert.rejects(foreign.verify(envelope, { email: EMAIL, issuer }));
    const theirs = await foreign.signMessage(ARTIFACT, await other.token({ email: EMAIL }));
    const theirIssuer = `${other.url}/oidc`;
    await foreign.verify(theirs, { email: EMAIL, issuer: theirIssuer }, ARTIFACT);
    await assert.rejects(js.verify(theirs, { email: EMAIL, issuer: theirIssuer }, ARTIFACT));
  });

  test('a token of the other at the first contact', async () => {
    await assert.rejects(js.signMessage(ARTIFACT, await other.token({ email: EMAIL })));
  });
});

/** How many bits were tried; throws when one of them is accepted. */
function refuseFlips(
  field: BundleField,
  bundle: SerializedBundle,
  judge: (bundle: SerializedBundle) => unknown,
): number {
  const bytes = field.read(bundle);
  if (bytes === undefined) return 0;
  const bits = field.bits(bytes);
  for (const bit of bits) {
    const flipped = flipBit(bundle, field, bit);
    assert.ok(flipped !== undefined);
    assert.throws(() => judge(flipped), `bit ${bit} of ${field.name} may be flipped`);
  }
  return bits.length;
}
