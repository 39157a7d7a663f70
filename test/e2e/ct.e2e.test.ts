import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeDataTile,
  decodeLeafIndexExtension,
  decodePrecertExtraData,
  findExtension,
  Oid,
  parseCertificate,
  publicKeyFromSpki,
  sctSignatureInput,
  tbsWithoutExtension,
  verifyCtSignature,
} from '@sigstead/formats';
import { leafOf, type BundleJson } from '../clients/bundle.ts';
import { sharedInstance } from '../instance/index.ts';
import { CtReader, sctOf } from './support/ct-reader.ts';
import { testFolder } from './support/folders.ts';
import { getJson, send, sendOk } from './support/http.ts';
import { sha256 } from './support/signing.ts';
import { SigstoreJs } from './support/sigstore-js.ts';

const EMAIL = 'first@example.com';
const ARTIFACT = Buffer.from('logged with its index\n');

const instance = await sharedInstance({ args: ['--ct-leaf-index'] });
const js = await SigstoreJs.of(instance, await testFolder());
const trust = await js.trust();
const bundle = await js.signMessage(ARTIFACT, await instance.token({ email: EMAIL }));
const leaf = leafOf(bundle as unknown as BundleJson);
const log = `${instance.url}/ct/dev`;

test('fulcio.md 61: without its SCT list, a certificate is what the one SCT signs, within its life', () => {
  const certificate = parseCertificate(leaf);
  const sct = sctOf(leaf);
  const [issuer] = trust.certificateAuthorities.flatMap(({ chain }) => chain).map((der) => parseCertificate(der));
  const [ct] = trust.ctlogs;
  assert.ok(issuer !== undefined && ct !== undefined);
  assert.deepEqual(Buffer.from(sct.logId), sha256(ct.spki));
  const tbs = tbsWithoutExtension(certificate, Oid.ctSctList);
  const input = sctSignatureInput({ ...sct, entry: { type: 'precert', issuerKeyHash: sha256(issuer.spki), tbs } });
  assert.ok(verifyCtSignature(publicKeyFromSpki(ct.spki), input, sct.signature));
  assert.ok(sct.timestampMs >= certificate.notBeforeMs - 60_000 && sct.timestampMs <= certificate.notAfterMs);
});

test('fulcio.md 62: the entry at the index that the SCT names is its precertificate, poison and serial', async () => {
  const index = decodeLeafIndexExtension(sctOf(leaf).extensions) ?? assert.fail('the SCT names no index');
  const reader = new CtReader(instance.url, trust);
  const head = await reader.head();
  assert.equal(await reader.checkLogged(leaf, head), index);
  const query = `leaf_index=${index}&tree_size=${head.size}`;
  const { extra_data } = await getJson<{ extra_data: string }>(`${log}/ct/v1/get-entry-and-proof?${query}`);
  const { precertificate } = decodePrecertExtraData(Buffer.from(extra_data, 'base64'));
  const logged = parseCertificate(precertificate);
  assert.equal(findExtension(logged, Oid.ctPoison)?.critical, true);
  assert.deepEqual(Buffer.from(logged.serial), Buffer.from(parseCertificate(leaf).serial));
  // The same by static-ct-api, with its issuers by their fingerprints.
  const { bytes } = await sendOk(`${log}/tile/data/000.p/${head.size}`, 200);
  const tile = decodeDataTile(bytes)[index] ?? assert.fail('no such entry in the data tile');
  assert.deepEqual(tile.precertificate, precertificate);
  for (const fingerprint of tile.chain) {
    const issuer = await sendOk(`${log}/issuer/${Buffer.from(fingerprint).toString('hex')}`, 200);
    assert.deepEqual(sha256(issuer.bytes), Buffer.from(fingerprint));
  }
});

test('fulcio.md 63: sigstore-js verifies a certificate whose SCT names its index', async () => {
  await js.verify(bundle, { email: EMAIL, issuer: `${instance.url}/oidc` }, ARTIFACT);
});

test('the CT log accepts the root of its own CA, and takes no chain of another purpose or CA', async () => {
  const { certificates } = await getJson<{ certificates: string[] }>(`${log}/ct/v1/get-roots`);
  const root = trust.certificateAuthorities[0]?.chain.at(-1) ?? assert.fail();
  assert.deepEqual(certificates, [Buffer.from(root).toString('base64')]);
  const tsa = trust.timestampAuthorities[0]?.chain ?? assert.fail();
  const chain = tsa.map((der) => Buffer.from(der).toString('base64'));
  const answer = await send(`${log}/ct/v1/add-chain`, { method: 'POST', body: JSON.stringify({ chain }) });
  assert.equal(answer.status, 400);
  assert.match(answer.bytes.toString(), /^Bad Request\nfailed to verify add-chain contents: .*unknown authority\n$/);
});
