import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { leafOf } from './bundle.ts';
import { checkChain } from './certificates.ts';
import { missingProgram, temporaryFolder } from './environment.ts';
import { opensslIn } from './openssl.ts';
import { signWithJs } from './sigstore-js.ts';
import { sharedWorkbench } from './workbench.ts';

const skip = await missingProgram('openssl', 'version');

if (skip !== false) describe('openssl', { skip }, () => test('verifies chains and timestamps'));
else await suite();

async function suite(): Promise<void> {
  const bench = await sharedWorkbench();
  const { authorities } = bench;
  const { url } = bench.instance;
  const openssl = opensslIn(await temporaryFolder());
  const data = Buffer.from('stamped\n');
  const bundle = await signWithJs({ trust: bench.js, token: bench.token, kind: 'messageSignature', data });

  const served = async (path: string): Promise<Response> => {
    const response = await fetch(`${url}${path}`);
    assert.equal(response.status, 200);
    return response;
  };

  test('openssl verifies the issuing chain and a leaf under it, strictly', async () => {
    await openssl.verifyChain(authorities.issuing, 'any');
    await openssl.verifyChain([leafOf(bundle), ...authorities.issuing], 'any');
  });

  test('openssl verifies the timestamping chain for its purpose, strictly', async () => {
    await openssl.verifyChain(authorities.timestamping, 'timestampsign');
    await assert.rejects(openssl.verifyChain([leafOf(bundle), ...authorities.issuing], 'timestampsign'));
  });

  test('openssl refuses a chain whose certificate has one bit changed', async () => {
    const [issuing, ...above] = authorities.issuing;
    const changed = Buffer.from(issuing as Buffer);
    changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1);
    await assert.rejects(openssl.verifyChain([changed, ...above], 'any'), /signature failure/);
  });

  test('@peculiar/x509 verifies both chains', async () => {
    await checkChain(authorities.issuing);
    await checkChain(authorities.timestamping);
  });

  test('both chains are served as they are published', async () => {
    const ders = (text: string): Buffer[] =>
      [...text.matchAll(/-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g)].map(([, body = '']) =>
        Buffer.from(body, 'base64'),
      );
    const bundles = (await (await served('/api/v2/trustBundle')).json()) as { chains: { certificates: string[] }[] };
    assert.deepEqual(
      bundles.chains.map(({ certificates }) => ders(certificates.join(''))),
      [authorities.issuing],
    );
    assert.deepEqual(ders(await (await served('/api/v1/timestamp/certchain')).text()), authorities.timestamping);
  });

  test('openssl verifies a timestamp over its own request', async () => {
    const query = await openssl.timestampQuery(data);
    const headers = { 'content-type': 'application/timestamp-query' };
    const answer = await fetch(`${url}/api/v1/timestamp`, { method: 'POST', headers, body: new Uint8Array(query) });
    assert.equal(answer.status, 200);
    const response = Buffer.from(await answer.arrayBuffer());
    await openssl.verifyTimestamp(response, { query }, authorities.timestamping);
    await openssl.verifyTimestamp(response, { data }, authorities.timestamping);
    const others = await openssl.timestampQuery(data);
    await assert.rejects(openssl.verifyTimestamp(response, { query: others }, authorities.timestamping), /nonce/);
    const otherData = Buffer.from('something else\n');
    await assert.rejects(openssl.verifyTimestamp(response, { data: otherData }, authorities.timestamping), /imprint/);
  });
}
