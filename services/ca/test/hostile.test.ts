import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, test } from 'node:test';
import { parseCertificate, subjectAltNames } from '@sigstead/formats';
import fc from 'fast-check';
import { type Answer, chainIn, type Harness, type Send, startHarness } from './support/harness.ts';
import { requestLines } from './support/recorded.ts';
import { csrBody, emailToken, v2, v2Body } from './support/requests.ts';
import { issuerToken } from './support/tokens.ts';
import { extensionText } from './support/expect.ts';
import { mutated, mutation } from './support/mutations.ts';

let at: Harness;
before(async () => {
  at = await startHarness();
});
after(() => at.close());

const PATHS = [
  '/api/v2/signingCert',
  '/api/v1/signingCert',
  '/api/v2/trustBundle',
  '/api/v1/rootCert',
  '/api/v2/configuration',
  '/healthz',
];
/** A wrong method is 501 by upstream's habit; nothing else of the server's own kind may be provoked. */
const ALLOWED = new Set([200, 201, 204, 400, 404, 501]);

function check(request: Send, answer: { status: number; body: Buffer }): void {
  const text = answer.body.toString('utf8');
  const shown = `${request.method ?? 'POST'} ${request.path} ${String(request.body).slice(0, 300)} → ${answer.status} ${text.slice(0, 300)}`;
  assert.ok(ALLOWED.has(answer.status), shown);
  assert.doesNotMatch(text, /node_modules|\.ts:\d|at \w+ \(|Error:/, shown);
}

/** Good bodies, to be broken. */
const seeds = (): string[] => [
  v2Body(),
  v2Body({ algorithm: 'RSA' }),
  csrBody('-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n'),
  JSON.stringify({ publicKey: { content: 'AAAA' }, signedEmailAddress: 'AAAA' }),
  requestLines()
    .find(({ name }) => name === 'v2 csr c-rsa2048')
    ?.request.bodyTemplate?.replace('{{TOKEN}}', emailToken()) ?? '',
];

test('broken bodies, odd headers, odd methods: never a 5xx of ours, never an inner text', async () => {
  const good = seeds();
  const method = fc.constantFrom('POST', 'POST', 'POST', 'GET', 'PUT', 'HEAD', 'OPTIONS', 'DELETE', 'PATCH', 'TRACE');
  const header = fc.record({
    name: fc.constantFrom(
      'Authorization',
      'Content-Type',
      'Grpc-Timeout',
      'Origin',
      'Accept',
      'X-Forwarded-For',
      'Access-Control-Request-Method',
    ),
    value: fc.oneof(
      fc.constantFrom('Bearer', 'Bearer a.b.c', 'application/x-www-form-urlencoded', 'gzip', '10S', '-', '*'),
      fc.base64String({ maxLength: 60 }),
    ),
  });
  const request = fc.record({
    method,
    path: fc.constantFrom(...PATHS),
    seed: fc.nat(good.length - 1),
    changes: fc.array(mutation, { maxLength: 4 }),
    headers: fc.array(header, { maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ method: verb, path, seed, changes, headers }) => {
      const body = mutated(good[seed] ?? '', changes);
      const sent: Send = { method: verb, path, headers: headers.map(({ name, value }) => [name, value]), body };
      check(sent, await at.send(sent));
    }),
    { numRuns: 1500 },
  );
});

/** I7: names, issuer and subject in a certificate are those of the token, whatever the token holds. */
function checkIdentity(answer: Answer, issuer: string, claims: Readonly<Record<string, unknown>>): void {
  const [der] = chainIn(answer);
  assert.ok(der);
  const leaf = parseCertificate(der);
  const text = (n: number): string | undefined => extensionText(leaf, n);
  if (!issuer.endsWith('email-dex')) assert.deepEqual([text(1), text(8)], [issuer, issuer]);
  assert.equal(text(24) ?? '', (typeof claims['sub'] === 'string' ? claims['sub'] : '').toWellFormed());
  const names = subjectAltNames(leaf);
  assert.ok(names?.critical && names.names.length === 1);
  const [name] = names.names;
  if (!issuer.endsWith('/email') || claims['EMAIL'] !== undefined) return;
  assert.deepEqual([name?.type, Buffer.from(name?.content ?? []).toString()], [1, claims['email']]);
  assert.equal(new X509Certificate(der).subjectAltName, `email:${String(claims['email'])}`);
}

test('I7 signed tokens with any claims: refused, or issued for exactly who they name; never a 5xx', async () => {
  const issuers = [
    'email',
    'email-dex',
    'email-skip',
    'uri',
    'ci/github',
    'ci/custom',
    'ci/values',
    'ci/logic',
    'ci/all',
    'ci/circleci',
    'ci/codefresh',
  ];
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(
      'https://example.com/%',
      'http://localhost/a',
      '{{ .sub }}',
      'a@b.c',
      '//',
      ':',
      'ü',
      '\0',
      'x'.repeat(2000),
    ),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.integer(), { maxLength: 3 }),
    fc.dictionary(fc.string({ maxLength: 5 }), fc.integer(), { maxKeys: 3 }),
  );
  const name = fc.constantFrom(
    'sub',
    'email',
    'EMAIL',
    'email_verified',
    'san',
    'v',
    'a',
    'e',
    'ref',
    'sha',
    'platform_url',
    'aud',
    'exp',
    'nbf',
    'iat',
    'iss',
    'nonce',
    '__proto__',
    'c5',
    'federated_claims',
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...issuers),
      fc.dictionary(name, value, { maxKeys: 6, noNullPrototype: true }),
      async (issuer, claims) => {
        const url = `http://localhost:28080/${issuer}`;
        const usual = {
          sub: 's',
          email: 'a@b.c',
          email_verified: true,
          san: 'https://e.example/',
          v: 'v',
          a: 'a',
          e: 'e',
          ' a': 'a',
        };
        const all = { ...usual, ...claims };
        const challenge: unknown = issuer.startsWith('email') ? all.email : all.sub;
        const proofOver = typeof challenge === 'string' ? challenge : '';
        const sent = v2({ token: issuerToken(url, all), proofOver });
        const answer = await at.send(sent);
        check(sent, answer);
        if (answer.status === 200 && !('iss' in claims)) checkIdentity(answer, url, all);
      },
    ),
    { numRuns: 800 },
  );
});

test('memory stays bounded under large hostile bodies', async () => {
  const large = [
    `{"credentials":{"oidcIdentityToken":"${'a.'.repeat(1_500_000)}"}}`,
    `{"x":${'['.repeat(9_000)}${']'.repeat(9_000)}}`,
    `{"x":[${'1,'.repeat(1_500_000)}1]}`,
    `{${'"a":1,'.repeat(500_000)}"a":1}`,
    `{"publicKeyRequest":{"publicKey":{"content":"${'-----BEGIN PUBLIC KEY-----\\n'.repeat(100_000)}"}}}`,
  ];
  for (const body of large) await at.send({ path: '/api/v2/signingCert', body });
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 5; i += 1) {
    for (const body of large) check({ path: '/' }, await at.send({ path: '/api/v2/signingCert', body }));
  }
  const grownMiB = (process.memoryUsage().rss - before) / 2 ** 20;
  assert.ok(grownMiB < 256, `${grownMiB} MiB`);
});
