import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { after, before, test } from 'node:test';
import {
  basicConstraints,
  decodePem,
  decodeSctList,
  findExtension,
  isIssuedBy,
  Oid,
  parseCertificate,
  type ParsedCertificate,
  publicKeyFromSpki,
  readDer,
  sctSignatureInput,
  subjectAltNames,
  tbsWithoutExtension,
  verifyCtSignature,
} from '@sigstead/formats';
import { type Answer, chainIn, type Harness, startHarness } from './support/harness.ts';
import { chainDer, keyPem, requestLines } from './support/recorded.ts';
import {
  clientKey,
  csrBody,
  EMAIL,
  EMAIL_ISSUER,
  emailToken,
  errorOf,
  ID_ERROR,
  SIGNATURE_ERROR,
  v2,
  v2As,
  v2Body,
} from './support/requests.ts';
import { issuerToken, makeToken } from './support/tokens.ts';

/* Acceptance checks, numbered as in the reference page on the authority, §7. */

let at: Harness;
before(async () => {
  at = await startHarness();
});
after(() => at.close());

const ARC = '1.3.6.1.4.1.57264.1.';

function leafOf(answer: Answer): ParsedCertificate {
  const [leaf] = chainIn(answer);
  assert.ok(leaf, answer.body.toString());
  return parseCertificate(leaf);
}

function extensionText(leaf: ParsedCertificate, n: number): string | undefined {
  const extension = findExtension(leaf, `${ARC}${n}`);
  if (extension === undefined) return undefined;
  return Buffer.from(n < 7 ? extension.value : readDer(extension.value).content).toString('utf8');
}

function sanText(leaf: ParsedCertificate): string {
  const names = subjectAltNames(leaf);
  assert.equal(names?.names.length, 1);
  return Buffer.from(names.names[0]?.content ?? []).toString('utf8');
}

async function refused(request: Parameters<Harness['send']>[0], message: string | RegExp, status = 400): Promise<void> {
  const answer = await at.send(request);
  const { code, message: text } = errorOf(answer);
  assert.equal(answer.status, status, text);
  assert.equal(code, 3);
  if (typeof message === 'string') assert.equal(text, message);
  else assert.match(text, message);
}

async function issued(request: Parameters<Harness['send']>[0]): Promise<ParsedCertificate> {
  const answer = await at.send(request);
  assert.equal(answer.status, 200, answer.body.toString());
  return leafOf(answer);
}

const recordedBody = (name: string): string => {
  const line = requestLines().find((each) => each.name === name);
  return (line?.request.bodyTemplate ?? '').replaceAll('{{TOKEN}}', makeToken(line?.token ?? {}));
};

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

test('24 a token with one dot, with three, with millions', async () => {
  const token = emailToken();
  const before = at.issuers.asked.length;
  for (const bad of [
    token.slice(0, token.lastIndexOf('.')),
    `${token}.x`,
    '.'.repeat(3_000_000),
    'a.'.repeat(1_000_000),
  ]) {
    await refused(v2({ token: bad }), ID_ERROR);
  }
  assert.equal(at.issuers.asked.length, before);
});

test('25 alg none, and HS256 with the public key as secret', async () => {
  const claims = { iss: EMAIL_ISSUER, aud: 'sigstore', exp: '@now+600', email: EMAIL, email_verified: true };
  for (const alg of ['none', 'HS256', 'hs256', 'None', 'RS512']) {
    await refused(v2({ token: makeToken({ header: { alg, kid: 'rsa-1' }, claims, signAlg: alg }) }), ID_ERROR);
  }
});

test('26, 27 times: exp strict, nbf with five minutes of leeway', async () => {
  await refused(v2({ token: emailToken({ exp: '@now-1' }) }), ID_ERROR);
  await issued(v2({ token: emailToken({ exp: '@now' }) }));
  await issued(v2({ token: emailToken({ nbf: '@now+240' }) }));
  await refused(v2({ token: emailToken({ nbf: '@now+360' }) }), ID_ERROR);
});

test('28 audience in a list', async () => {
  await issued(v2({ token: emailToken({ aud: ['x', 'sigstore'] }) }));
  await refused(v2({ token: emailToken({ aud: ['x'] }) }), ID_ERROR);
});

test('29, 30, 31 an issuer nobody configured is refused and nothing is fetched', async () => {
  const before = at.issuers.asked.length;
  const strangers = [
    'http://stranger.example.net',
    'http://attacker/?http://localhost:28080/metaemail/A/x',
    'http://localhost:28080/metaemail/a.b/x',
    'http://localhost:28080/metaemail/a/b/x',
    'http://localhost:28080/metaemail//x',
    'http://localhost:28080/metaemail/a/x#',
    'http://a.b.example.com/wild',
    'http://user@a.example.com/wild',
  ];
  for (const iss of strangers) await refused(v2({ token: emailToken({ iss }) }), ID_ERROR);
  assert.equal(at.issuers.asked.length, before);
  await issued(v2({ token: emailToken({ iss: 'http://localhost:28080/metaemail/A-b_9/x' }) }));
  await issued(v2({ token: emailToken({ iss: 'http://tenant-1.example.com/wild' }) }));
});

test('32, 33 discovery that names another issuer, or leads to another host', async () => {
  await refused(v2({ token: emailToken({ iss: 'http://localhost:28080/wrongiss' }) }), ID_ERROR);
  await refused(v2({ token: emailToken({ iss: 'http://localhost:28080/redir' }) }), ID_ERROR);
});

test('37 email_verified decides, unless the issuer is excused', async () => {
  await refused(v2({ token: emailToken({ email_verified: false }) }), ID_ERROR);
  await refused(v2({ token: issuerToken(EMAIL_ISSUER, { email: EMAIL }) }), ID_ERROR);
  await issued(v2({ token: emailToken({ email_verified: 'true' }) }));
  await issued(v2({ token: issuerToken('http://localhost:28080/email-skip', { email: EMAIL }) }));
});

test('38 a federating issuer: both issuer extensions name the connector', async () => {
  const claims = {
    email: EMAIL,
    email_verified: true,
    sub: 'dex-sub',
    federated_claims: { connector_id: 'https://c' },
  };
  const leaf = await issued(v2({ token: issuerToken('http://localhost:28080/email-dex', claims) }));
  assert.deepEqual(
    [1, 8, 24].map((n) => extensionText(leaf, n)),
    ['https://c', 'https://c', 'dex-sub'],
  );
});

const USERNAME = 'http://accounts.example.com/username';

test('39, 40 user names: the bytes of the SAN, proof over the bare name; no `!`, no address', async () => {
  const leaf = await issued(v2As(USERNAME, { sub: 'alice' }));
  const san = Buffer.from(findExtension(leaf, Oid.subjectAltName)?.value ?? []).toString('hex');
  const value = Buffer.from('alice!users.example.com').toString('hex');
  assert.equal(san, `3029a027060a2b0601040183bf300107a0190c17${value}`);
  await refused(
    v2({ token: issuerToken(USERNAME, { sub: 'alice' }), proofOver: 'alice!users.example.com' }),
    SIGNATURE_ERROR,
  );
  for (const sub of ['a!b', 'a@b.co']) await refused(v2As(USERNAME, { sub }), ID_ERROR);
});

test('42 SPIFFE IDs of another trust domain, and what is none', async () => {
  const issuer = 'http://localhost:28080/spiffe';
  assert.equal(sanText(await issued(v2As(issuer, { sub: 'spiffe://example.com/a' }))), 'spiffe://example.com/a');
  const bad = [
    'spiffe://other/x',
    'spiffe://example.com/',
    'spiffe://example.com/a/../b',
    'SPIFFE://example.com/a',
    'spiffe://example.com/a\n',
  ];
  for (const sub of bad) await refused(v2As(issuer, { sub }), ID_ERROR);
});

test('43 a service account; one without name or namespace is nobody', async () => {
  const issuer = 'http://localhost:28080/k8s';
  const claims = {
    sub: 'system:serviceaccount:n:s',
    'kubernetes.io': { namespace: 'n', serviceaccount: { name: 's' } },
  };
  const leaf = await issued(v2As(issuer, claims));
  assert.equal(sanText(leaf), 'https://kubernetes.io/namespaces/n/serviceaccounts/s');
  for (const account of [{}, { namespace: 'n' }, { serviceaccount: { name: 's' } }]) {
    await refused(v2As(issuer, { ...claims, 'kubernetes.io': account }), ID_ERROR);
  }
});

test('a chainguard subject never leaves the path of its issuer', async () => {
  const issuer = 'http://localhost:28080/chainguard';
  assert.equal(sanText(await issued(v2As(issuer, { sub: 'a/b' }))), `${issuer}/a/b`);
  for (const sub of ['../email', 'a/../../x', '..', '.', '/', '100%']) {
    assert.equal((await at.send(v2As(issuer, { sub }))).status, 400, sub);
  }
  const claims = { sub: 'a', email: EMAIL, email_verified: true };
  assert.equal(sanText(await issued(v2({ token: issuerToken(issuer, claims) }))), `${issuer}/a`);
});

test('41 a uri subject on another host or scheme', async () => {
  const issuer = 'http://localhost:28080/uri';
  for (const sub of ['http://example.com/u', 'https://localhost/u', 'http://LOCALHOST/u', 'dev@example.com', '%zz']) {
    await refused(v2As(issuer, { sub }), ID_ERROR);
  }
  assert.equal(sanText(await issued(v2As(issuer, { sub: 'http://localhost/u' }))), 'http://localhost/u');
});

const GITHUB = 'http://localhost:28080/ci/github';
const GITHUB_CLAIMS = {
  sub: 'repo:o/r:ref:refs/heads/main',
  event_name: 'push',
  sha: 'b'.repeat(40),
  workflow: 'build & <test>',
  repository: 'o/r',
  ref: 'refs/heads/main',
  job_workflow_ref: 'o/r/.github/workflows/w.yml@refs/heads/main',
  job_workflow_sha: 'c'.repeat(40),
  runner_environment: 'github-hosted',
  repository_id: '7',
  repository_owner: 'o',
  repository_owner_id: '8',
  workflow_ref: 'o/r/.github/workflows/w.yml@refs/heads/main',
  workflow_sha: 'd'.repeat(40),
  run_id: '99',
  run_attempt: '1',
  repository_visibility: 'private',
};

test('44 a GitHub token: SAN and extensions as the table has them', async () => {
  const leaf = await issued(v2As(GITHUB, GITHUB_CLAIMS));
  assert.equal(sanText(leaf), `https://github.com/${GITHUB_CLAIMS.job_workflow_ref}`);
  assert.equal(extensionText(leaf, 2), 'push');
  assert.equal(extensionText(leaf, 12), 'https://github.com/o/r');
  assert.equal(extensionText(leaf, 21), 'https://github.com/o/r/actions/runs/99/attempts/1');
  assert.equal(extensionText(leaf, 23), undefined);
  assert.equal(extensionText(await issued(v2As(GITHUB, { ...GITHUB_CLAIMS, environment: 'prod' })), 23), 'prod');
});

test('45 a number never becomes an exponent', async () => {
  const leaf = await issued(v2As(GITHUB, { ...GITHUB_CLAIMS, run_id: 12345678901 }));
  assert.equal(extensionText(leaf, 21), 'https://github.com/o/r/actions/runs/12345678901/attempts/1');
});

test('46 a claim that a mapping names is missing', async () => {
  const { workflow_sha: _left, ...claims } = GITHUB_CLAIMS;
  await refused(
    v2As(GITHUB, claims),
    /^value <workflow_sha> not present in either claims or defaults\. \{\n\t"ExtensionName": "BuildConfigDigest"/,
  );
});

test('47, 48 GitLab refs, CircleCI without ssh-rerun', async () => {
  const gitlab = {
    sub: 's',
    ci_config_ref_uri: 'gitlab.com/g/p//x.yml@refs/heads/main',
    ci_config_sha: 'e',
    runner_environment: 'r',
    project_path: 'g/p',
    sha: 'd',
    ref: 'main',
    project_id: '1',
    namespace_path: 'g',
    namespace_id: '2',
    pipeline_source: 'push',
    job_id: '3',
    project_visibility: 'private',
  };
  for (const [type, ref] of [
    ['branch', 'refs/heads/main'],
    ['tag', 'refs/tags/main'],
  ]) {
    const leaf = await issued(v2As('http://localhost:28080/ci/gitlab', { ...gitlab, ref_type: type }));
    assert.equal(extensionText(leaf, 14), ref);
  }
  const circle = await issued(v2As('http://localhost:28080/ci/circleci', { sub: 'c' }));
  assert.equal(extensionText(circle, 11), '""');
});

test('49, 50 values stand as they are; only the SAN is escaped', async () => {
  const ref = 'o/r/.github/workflows/w.yml@refs/heads/x yü';
  const leaf = await issued(v2As(GITHUB, { ...GITHUB_CLAIMS, job_workflow_ref: ref }));
  assert.equal(extensionText(leaf, 4), 'build & <test>');
  assert.equal(extensionText(leaf, 9), `https://github.com/${ref}`);
  assert.equal(sanText(leaf), 'https://github.com/o/r/.github/workflows/w.yml@refs/heads/x%20y%C3%BC');
});

test('51 a proof over sub does not do for an email issuer', () =>
  refused(v2({ proofOver: 'user-1' }), SIGNATURE_ERROR));

test('52 P-384 goes with SHA-384', async () => {
  await issued(v2({ key: clientKey('c-p384'), hash: 'sha384' }));
  await refused(v2({ key: clientKey('c-p384'), hash: 'sha256' }), SIGNATURE_ERROR);
});

test('53 Ed25519 pure, never prehashed', async () => {
  const key = clientKey('c-ed25519');
  await issued(v2({ key, hash: null }));
  const prehashed = sign(null, createHash('sha512').update(EMAIL).digest(), key);
  await refused(v2({ key, proof: prehashed }), SIGNATURE_ERROR);
});

test('54 ECDSA proof as r and s', async () => {
  const key = clientKey();
  await issued(v2({ proof: sign('sha256', Buffer.from(EMAIL), { key, dsaEncoding: 'ieee-p1363' }) }));
});

test('55 weak and odd keys', async () => {
  for (const name of [
    'c-rsa1024',
    'c-rsa2048e3',
    'c-rsa2056',
    'c-p224',
    'c-rsa8192',
    'c-k256',
    'c-ed448',
    'c-rsapss',
  ]) {
    await refused(v2({ key: clientKey(name), proof: Buffer.from('x') }), /is insecure$|could not be parsed$/);
  }
  const der = createPublicKey(clientKey()).export({ type: 'spki', format: 'der' });
  der[40] = (der[40] ?? 0) ^ 1;
  const offCurve = `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`;
  await refused(v2({ content: offCurve }), 'The public key supplied in the request could not be parsed');
});

test('56, 57, 58 CSRs: pair not permitted, unknown algorithm, broken signature, garbage', async () => {
  const body = (name: string) => ({ path: '/api/v2/signingCert', body: recordedBody(name) });
  await refused(body('v2 csr P-256 SHA-384'), 'signing algorithm not permitted: *ecdsa.PublicKey, SHA-384');
  await refused(body('v2 csr RSA-PSS'), 'unrecognized signature algorithm: SHA256-RSAPSS');
  await refused(body('v2 csr content changed after signing'), SIGNATURE_ERROR);
  await refused(
    { path: '/api/v2/signingCert', body: csrBody('garbage') },
    'The certificate signing request could not be parsed',
  );
});

test('59 the profile of a leaf', async () => {
  const leaf = await issued(v2());
  assert.equal(leaf.version, 3);
  assert.equal(leaf.subject.length, 2);
  assert.equal(subjectAltNames(leaf)?.critical, true);
  assert.equal(Buffer.from(findExtension(leaf, Oid.keyUsage)?.value ?? []).toString('hex'), '03020780');
  assert.equal(findExtension(leaf, Oid.keyUsage)?.critical, true);
  assert.equal(basicConstraints(leaf), undefined);
  assert.ok(findExtension(leaf, Oid.subjectKeyIdentifier) && findExtension(leaf, Oid.authorityKeyIdentifier));
  assert.equal(leaf.notAfterMs - leaf.notBeforeMs, 600_000);
  assert.ok(leaf.serial.length <= 20 && (leaf.serial[0] ?? 0x80) < 0x80);
});

test('60 issuer extensions, old and new form, to the byte', async () => {
  const claims = {
    email: EMAIL,
    email_verified: true,
    federated_claims: { connector_id: 'https://accounts.google.com' },
  };
  const leaf = await issued(v2({ token: issuerToken('http://localhost:28080/email-dex', claims) }));
  assert.equal(Buffer.from(findExtension(leaf, `${ARC}1`)?.value ?? []).toString(), 'https://accounts.google.com');
  const golden = '0c1b68747470733a2f2f6163636f756e74732e676f6f676c652e636f6d';
  assert.equal(Buffer.from(findExtension(leaf, `${ARC}8`)?.value ?? []).toString('hex'), golden);
});

test('61, 62 one SCT over exactly this certificate; the precertificate with that serial is in the log (I5)', async () => {
  const answer = await at.send(v2());
  const [leaf, issuer] = chainIn(answer).map((der) => parseCertificate(der));
  assert.ok(leaf && issuer && isIssuedBy(leaf, issuer));
  const list = readDer(findExtension(leaf, Oid.ctSctList)?.value ?? new Uint8Array()).octetString();
  const [sct, ...more] = decodeSctList(list);
  assert.ok(sct && more.length === 0);
  const tbs = tbsWithoutExtension(leaf, Oid.ctSctList);
  const issuerKeyHash = createHash('sha256').update(issuer.spki).digest();
  const input = sctSignatureInput({ ...sct, entry: { type: 'precert', issuerKeyHash, tbs } });
  assert.ok(verifyCtSignature(publicKeyFromSpki(at.ct.publicKeySpki), input, sct.signature));
  assert.ok(sct.timestampMs >= leaf.notBeforeMs && sct.timestampMs <= leaf.notAfterMs);
  const logged = at.ct.entries
    .map((der) => parseCertificate(der))
    .find((each) => Buffer.compare(each.serial, leaf.serial) === 0);
  assert.ok(logged);
  assert.deepEqual(Buffer.from(tbsWithoutExtension(logged, Oid.ctPoison)), Buffer.from(tbs));
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

test('an issuer in this process is asked in this process: its URL need not be reachable', async () => {
  const jwk = { ...createPublicKey(keyPem('oidc-rsa')).export({ format: 'jwk' }), kid: 'rsa-1' };
  const asked: string[] = [];
  const serve = (url: string): Buffer => {
    asked.push(url);
    const value = url.endsWith('/jwks') ? { keys: [jwk] } : { issuer: EMAIL_ISSUER, jwks_uri: `${EMAIL_ISSUER}/jwks` };
    return Buffer.from(JSON.stringify(value));
  };
  const fetchJson = (): Promise<never> => Promise.reject(new Error('no network here'));
  const shared = { connectionString: at.connectionString, issuers: at.issuers };
  const local = await startHarness({ fetchJson, inProcessIssuers: { [EMAIL_ISSUER]: serve } }, shared);
  try {
    assert.equal((await local.send(v2())).status, 200);
    assert.deepEqual(asked, [`${EMAIL_ISSUER}/.well-known/openid-configuration`, `${EMAIL_ISSUER}/jwks`]);
  } finally {
    await local.close();
  }
});

test('69 metrics after an issuance', async () => {
  await issued(v2());
  const text = await at.metrics.text();
  assert.match(text, /^fulcio_new_certs [1-9]/m);
  assert.match(text, /^fulcio_api_latency_count\{code="200",method="post"\} [1-9]/m);
  assert.match(text, /^fulcio_api_latency_count\{code="201",method="post"\} [1-9]/m);
});

test('a key that was made just now works as well as the recorded ones', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-521' });
  await issued(v2({ key: privateKey, hash: 'sha512' }));
  assert.ok(keyPem('ct').startsWith('-----BEGIN'));
});
