import assert from 'node:assert/strict';
import { createPublicKey, sign } from 'node:crypto';
import { after, before, test } from 'node:test';
import { basicConstraints, decodePem, findExtension, Oid } from '@sigstead/formats';
import { chainIn, type Harness, startHarness } from './support/harness.ts';
import { chainDer } from './support/recorded.ts';
import { clientKey, EMAIL, EMAIL_ISSUER, emailToken, errorOf, ID_ERROR, v2, v2Body } from './support/requests.ts';
import { expectations, leafOf, recordedBody, sanText } from './support/expect.ts';

/* Acceptance checks of requests and answers, numbered as in the reference page on the authority, §7. */

let at: Harness;
before(async () => {
  at = await startHarness();
});
after(() => at.close());
const { issued, refused } = expectations(() => at);

test('1 key with proof, token in body: chain with embedded SCT, SAN is the address', async () => {
  const answer = await at.send(v2());
  const body = JSON.parse(answer.body.toString()) as object;
  assert.deepEqual(Object.keys(body), ['signedCertificateEmbeddedSct']);
  assert.ok(chainIn(answer).length >= 2);
  assert.equal(sanText(leafOf(answer)), EMAIL);
});

test('2, 3 token in the Authorization header, with and without Bearer', async () => {
  const token = emailToken();
  await issued(v2({ token: undefined }, [['Authorization', `Bearer ${token}`]]));
  await issued(v2({ token: undefined }, [['Authorization', token]]));
});

test('4 a token in the body wins over garbage in the header', async () => {
  await issued(v2({}, [['Authorization', 'garbage']]));
});

test('5 an algorithm name that is not in the enum is ignored', async () => {
  await issued(v2({ algorithm: 'RSA', key: clientKey('c-rsa2048') }));
});

test('6 snake_case names and unpadded URL-safe base64', async () => {
  const key = clientKey();
  const body = {
    credentials: { oidc_identity_token: emailToken() },
    public_key_request: {
      public_key: { content: createPublicKey(key).export({ type: 'spki', format: 'pem' }) },
      proof_of_possession: sign('sha256', Buffer.from(EMAIL), key).toString('base64url'),
    },
  };
  await issued({ path: '/api/v2/signingCert', body: JSON.stringify(body) });
});

test('7, 8 a CSR gives only its key: requested extensions and names do not get in', async () => {
  const leaf = await issued({
    path: '/api/v2/signingCert',
    body: recordedBody('v2 csr CA basicConstraints requested'),
  });
  assert.equal(sanText(leaf), EMAIL);
  assert.equal(basicConstraints(leaf), undefined);
});

test('9 JSON whatever Accept says', async () => {
  const answer = await at.send(v2({}, [['Accept', 'application/pem-certificate-chain']]));
  assert.equal(answer.headers['content-type'], 'application/json');
});

test('10 v1: 201, PEM, leaf first, no SCT header', async () => {
  const key = clientKey();
  const body = {
    publicKey: {
      content: createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64'),
      algorithm: 'ecdsa',
    },
    signedEmailAddress: sign('sha256', Buffer.from(EMAIL), key).toString('base64'),
    certificateSigningRequest: null,
  };
  const headers: [string, string][] = [['Authorization', `Bearer ${emailToken()}`]];
  const answer = await at.send({ path: '/api/v1/signingCert', headers, body: JSON.stringify(body) });
  assert.equal(answer.status, 201);
  assert.equal(answer.headers['content-type'], 'application/pem-certificate-chain');
  assert.equal(answer.headers['sct'], undefined);
  assert.equal(sanText(leafOf(answer)), EMAIL);
});

test('11 v1 reads no token from the body', () => refused({ path: '/api/v1/signingCert', body: v2Body() }, ID_ERROR));

test('15, 16 the trust bundle is the chain, issuing CA first; rootCert is the same, trimmed', async () => {
  const bundle = await at.send({ method: 'GET', path: '/api/v2/trustBundle' });
  const { chains } = JSON.parse(bundle.body.toString()) as { chains: { certificates: string[] }[] };
  assert.equal(chains.length, 1);
  const certificates = chains[0]?.certificates ?? [];
  assert.ok(certificates.every((pem) => pem.endsWith('-----\n')));
  const ders = certificates.flatMap((pem) => decodePem(pem).map(({ bytes }) => Buffer.from(bytes)));
  assert.deepEqual(
    ders,
    chainDer('ca-chain').map((der) => Buffer.from(der)),
  );
  const root = await at.send({ method: 'GET', path: '/api/v1/rootCert' });
  assert.equal(root.body.toString(), certificates.join('\n').trim());
});

test('17 the configuration lists every issuer, empty texts and false included', async () => {
  const answer = await at.send({ method: 'GET', path: '/api/v2/configuration' });
  const { issuers } = JSON.parse(answer.body.toString()) as { issuers: Record<string, unknown>[] };
  assert.deepEqual(
    issuers.find((each) => each['issuerUrl'] === EMAIL_ISSUER),
    {
      issuerUrl: EMAIL_ISSUER,
      audience: 'sigstore',
      challengeClaim: 'email',
      spiffeTrustDomain: '',
      issuerType: 'email',
      subjectDomain: '',
      skipEmailVerification: false,
    },
  );
  assert.ok(issuers.some((each) => each['wildcardIssuerUrl'] === 'http://*.example.com/wild'));
});

test('18, 19 wrong method 501/12, unknown path 404/5', async () => {
  const wrong = await at.send({ method: 'GET', path: '/api/v2/signingCert' });
  assert.deepEqual([wrong.status, errorOf(wrong).code, errorOf(wrong).message], [501, 12, 'Method Not Allowed']);
  const unknown = await at.send({ method: 'GET', path: '/nope' });
  assert.deepEqual([unknown.status, errorOf(unknown).code, errorOf(unknown).message], [404, 5, 'Not Found']);
});

test('Grpc-Timeout counts on every path: malformed 400, already over 504', async () => {
  for (const [value, status] of [
    ['abc', 400],
    ['1n', 504],
    ['-1S', 504],
    ['10S', 200],
    ['0S', 200],
  ] as const) {
    const headers: [string, string][] = [['Grpc-Timeout', value]];
    assert.equal((await at.send({ method: 'GET', path: '/api/v2/trustBundle', headers })).status, status, value);
    assert.equal((await at.send(v2({}, headers))).status, status, value);
  }
});

test('20, 21, 22, 23 bodies that are none', async () => {
  await refused({ path: '/api/v2/signingCert', body: Buffer.alloc(5 << 20, 0x20) }, 'http: request body too large');
  await refused({ path: '/api/v2/signingCert', body: '{' }, 'unexpected EOF');
  await refused({ path: '/api/v2/signingCert', body: '' }, ID_ERROR);
  const both = { ...(JSON.parse(v2Body()) as object), certificateSigningRequest: 'AAAA' };
  await refused({ path: '/api/v2/signingCert', body: JSON.stringify(both) }, /oneof/);
});

test('66 without a log: detached form with an empty SCT; v1 without SCT header', async () => {
  const bare = await startHarness({ ct: undefined }, { connectionString: at.connectionString, issuers: at.issuers });
  try {
    const answer = await bare.send(v2());
    const body = JSON.parse(answer.body.toString()) as Record<string, { signedCertificateTimestamp?: string }>;
    assert.equal(body['signedCertificateDetachedSct']?.signedCertificateTimestamp, '');
    assert.equal(findExtension(leafOf(answer), Oid.ctSctList), undefined);
    assert.equal(findExtension(leafOf(answer), Oid.ctPoison), undefined);
    const headers: [string, string][] = [['Authorization', emailToken()]];
    const csr = JSON.parse(recordedBody('v2 csr c-rsa2048')) as { certificateSigningRequest: string };
    const old = await bare.send({
      path: '/api/v1/signingCert',
      headers,
      body: JSON.stringify({ certificateSigningRequest: csr.certificateSigningRequest }),
    });
    assert.equal(old.status, 201);
    assert.equal(old.headers['sct'], undefined);
  } finally {
    await bare.close();
  }
});

test('69 metrics after an issuance', async () => {
  await issued(v2());
  const text = await at.metrics.text();
  assert.match(text, /^fulcio_new_certs [1-9]/m);
  assert.match(text, /^fulcio_api_latency_count\{code="200",method="post"\} [1-9]/m);
  assert.match(text, /^fulcio_api_latency_count\{code="201",method="post"\} [1-9]/m);
});
