import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { ALGORITHMS, expiredCertificate, leafOf, p256, requestOf } from './support/algorithms.ts';
import { assertRefused, post, treeSize, verified } from './support/rekor-client.ts';
import { startServer, type TestServer } from './support/server.ts';
import { hasher } from './support/test-log.ts';

const log = { origin: 'log.example.com', signer: signerFromPem(generatePrivateKeyPem('ed25519')) };
let server: TestServer;
before(async () => {
  server = await startServer({ logs: [{ name: 'v2', kind: 'rekor-v2', create: true, ...log }] });
});
after(() => server.close());

for (const sign of ALGORITHMS) {
  const { label } = sign('its name');
  test(`B14 ${label} with a public key: 201, with every member there and of its type`, async () => {
    const signed = sign('B14');
    const answer = verified(await post(server.port, requestOf(signed)), log);
    assert.equal(answer.leaf.toString(), leafOf(signed, { kind: 'publicKey', rawBytes: signed.spki }));
    const { leaf: _, ...members } = answer;
    assert.deepEqual(Object.keys(members), [
      'logIndex',
      'logId',
      'kindVersion',
      'integratedTime',
      'inclusionPromise',
      'inclusionProof',
      'canonicalizedBody',
    ]);
    assert.deepEqual(Object.keys(answer.inclusionProof), ['logIndex', 'rootHash', 'treeSize', 'hashes', 'checkpoint']);
    assert.deepEqual(answer.kindVersion, { kind: 'hashedrekord', version: '0.0.2' });
    assert.deepEqual([answer.integratedTime, answer.inclusionPromise], ['0', null]);
    for (const number of [answer.logIndex, answer.inclusionProof.treeSize]) assert.match(number, /^\d+$/);
  });

  test(`B15 ${label} with a certificate that has expired: 201`, async () => {
    const signed = sign('B15');
    const rawBytes = expiredCertificate(signed.spki);
    const verifier = { x509Certificate: { rawBytes: rawBytes.toString('base64') } };
    const { leaf } = verified(await post(server.port, requestOf(signed, { verifier })), log);
    assert.equal(leaf.toString(), leafOf(signed, { kind: 'x509Certificate', rawBytes }));
  });
}

test('B16 the same leaf whatever the order, white space, names, base64 and numbers of the request', async () => {
  const signed = p256('B16');
  const first = verified(await post(server.port, requestOf(signed)), log);
  const size = await treeSize(server.port);
  const plain = (bytes: Buffer): string => bytes.toString('base64');
  const urlSafe = (bytes: Buffer): string => bytes.toString('base64url');
  const spellings = [
    `{"hashedRekordRequestV002":{"signature":{"verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{"rawBytes":"${plain(signed.spki)}"}},"content":"${plain(signed.signature)}"},"digest":"${plain(signed.digest)}"}}`,
    `\n\t{ "hashed_rekord_request_v002" :\r\n{"digest":"${urlSafe(signed.digest)}","signature":{"content":"${urlSafe(signed.signature)}","verifier":{"key_details":5,"public_key":{"raw_bytes":"${urlSafe(signed.spki)}"}}}}}`,
    `{"hashedRekordRequestV002":{"digest":"${plain(signed.digest)}","signature":{"content":"${plain(signed.signature)}","verifier":{"keyDetails":5.0,"x509Certificate":null,"publicKey":{"rawBytes":"${plain(signed.spki)}"}}}},"dsseRequestV002":null} and more`,
    `{"hashedRekordRequestV002":{"digest":"${plain(signed.digest).replaceAll('/', '\\/')}","signature":{"content":"${plain(signed.signature)}","verifier":{"keyDetails":"PKIX\\u005fECDSA_P256_SHA_256","publicKey":{"rawBytes":"${plain(signed.spki)}"}}}}}`,
  ];
  for (const spelling of spellings) {
    const again = verified(await post(server.port, Buffer.from(spelling)), log);
    assert.deepEqual([again.leaf, again.logIndex], [first.leaf, first.logIndex]);
  }
  assert.equal(await treeSize(server.port), size);
});

interface PublicBundle {
  verificationMaterial: {
    certificate?: { rawBytes: string };
    tlogEntries: { canonicalizedBody: string; inclusionProof: { logIndex: string; treeSize: string } }[];
  };
  messageSignature?: { messageDigest: { digest: string }; signature: string };
  dsseEnvelope?: { payload: string; payloadType: string; signatures: { sig: string }[] };
}

/** Folder `test/assets/bundle-verify` of a checkout of the public conformance suite. */
const VECTORS = process.env['SIGSTEAD_CONFORMANCE'];
const skip = VECTORS === undefined && 'SIGSTEAD_CONFORMANCE names no folder of the public suite';

/** The request that makes the entry of a bundle, out of the bundle's other parts. */
function requestOfBundle({ verificationMaterial, messageSignature, dsseEnvelope }: PublicBundle): unknown {
  const verifier = { x509Certificate: verificationMaterial.certificate, keyDetails: 'PKIX_ECDSA_P256_SHA_256' };
  if (messageSignature !== undefined) {
    const { signature: content, messageDigest } = messageSignature;
    return { hashedRekordRequestV002: { digest: messageDigest.digest, signature: { content, verifier } } };
  }
  return { dsseRequestV002: { envelope: dsseEnvelope, verifiers: [verifier] } };
}

for (const [name, bytes, leafHash] of [
  ['rekor2-happy-path', 3175, '78470eff2921878c2141726b650bf349099c37850a731f287a6accf35d40441f'],
  ['rekor2-dsse-happy-path', 3191, 'fe40655a0f968947de630c778c0f68bd52c68a40c5a25fc1a3a4edd6ab3c2f99'],
] as const) {
  test(`B17 ${name}: the parts of the public bundle make its leaf, byte for byte`, { skip }, async () => {
    const text = readFileSync(join(VECTORS ?? '', name, 'bundle.sigstore.json'), 'utf8');
    const bundle = JSON.parse(text) as PublicBundle;
    const { leaf } = verified(await post(server.port, requestOfBundle(bundle)), log);
    const { canonicalizedBody } = bundle.verificationMaterial.tlogEntries[0]!;
    assert.equal(leaf.toString('base64'), canonicalizedBody);
    assert.deepEqual([leaf.length, Buffer.from(hasher.leaf(leaf)).toString('hex')], [bytes, leafHash]);
  });
}

test('an algorithm that the log is configured not to take is refused, the others are taken', async (t) => {
  const narrow = await startServer({
    logs: [{ name: 'n', kind: 'rekor-v2', create: true, ...log, clientSigningAlgorithms: ['PKIX_ECDSA_P256_SHA_256'] }],
  });
  t.after(() => narrow.close());
  for (const sign of ALGORITHMS) {
    const signed = sign('narrow');
    const answer = await post(narrow.port, requestOf(signed));
    if (signed.label === 'PKIX_ECDSA_P256_SHA_256') verified(answer, log);
    else assertRefused(answer, 400, 3, 'invalid hashedrekord request');
  }
  assert.equal(await treeSize(narrow.port), 1);
});
