import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, test } from 'node:test';
import { findExtension, parseCertificate, readDer, subjectAltNames } from '@sigstead/formats';
import fc from 'fast-check';
import { CaError } from '../src/core/errors.ts';
import { parseClientKey } from '../src/core/keys/client-key.ts';
import { keyFromCsr } from '../src/core/keys/csr.ts';
import { readToken } from '../src/oidc/token-form.ts';
import { type Answer, chainIn, type Harness, type Send, startHarness } from './support/harness.ts';
import { requestLines } from './support/recorded.ts';
import { clientKey, csrBody, emailToken, spkiPem, v2, v2Body } from './support/requests.ts';
import { issuerToken, makeToken } from './support/tokens.ts';

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

const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.nat(40),
  put: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom('{', '}', '[', '"', '\\', '\\u0000', '\\ud800', 'null', '1e999', ',', ':', '{"a":', '-----BEGIN '),
  ),
});

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
      let body = good[seed] ?? '';
      for (const { at: where, cut, put } of changes) {
        const from = Math.floor(where * body.length);
        body = body.slice(0, from) + put + body.slice(from + cut);
      }
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
  const text = (n: number): string | undefined => {
    const extension = findExtension(leaf, `1.3.6.1.4.1.57264.1.${n}`);
    return extension && Buffer.from(n < 7 ? extension.value : readDer(extension.value).content).toString('utf8');
  };
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

const isCaError = (error: unknown): boolean => error instanceof CaError;

function onlyCaErrors(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    assert.ok(isCaError(error), String((error as Error).stack));
  }
}

const DER_SEEDS = [
  'v2 csr c-rsa2048',
  'v2 csr UTF8 subject',
  'v2 csr CA basicConstraints requested',
  'v2 csr RSA-PSS',
  'v1 csr c-p521',
];

function csrPem(name: string): Buffer {
  const line = requestLines().find((each) => each.name === name);
  const body = (line?.request.bodyTemplate ?? line?.request.body ?? '').replace('{{TOKEN}}', '');
  const { certificateSigningRequest } = JSON.parse(body) as { certificateSigningRequest: string };
  return Buffer.from(certificateSigningRequest, 'base64');
}

test('CSRs with changed bytes are refused with a code of ours, or give a key', () => {
  const seedsDer = DER_SEEDS.map((name) =>
    Buffer.from(
      csrPem(name)
        .toString()
        .replaceAll(/-----[^-]+-----|\s/g, ''),
      'base64',
    ),
  );
  const pem = (der: Uint8Array): Buffer =>
    Buffer.from(
      `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`,
    );
  for (const der of seedsDer) onlyCaErrors(() => keyFromCsr(pem(der)));
  const edit = fc.record({
    at: fc.double({ min: 0, max: 0.999, noNaN: true }),
    byte: fc.integer({ min: 0, max: 255 }),
    insert: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.nat(seedsDer.length - 1), fc.array(edit, { minLength: 1, maxLength: 4 }), (seed, edits) => {
      let der = [...(seedsDer[seed] ?? [])];
      for (const { at: where, byte, insert } of edits)
        der = der.toSpliced(Math.floor(where * der.length), insert ? 0 : 1, byte);
      onlyCaErrors(() => keyFromCsr(pem(Uint8Array.from(der))));
    }),
    { numRuns: 4000 },
  );
});

test('keys with changed bytes, and any text as a key', () => {
  const seed = Buffer.from(spkiPem(clientKey('c-rsa2048')).replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  fc.assert(
    fc.property(fc.nat(seed.length - 1), fc.nat(255), (where, byte) => {
      const der = Buffer.from(seed);
      der[where] = byte;
      onlyCaErrors(() => parseClientKey(der));
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => onlyCaErrors(() => parseClientKey(Buffer.from(text)))),
    { numRuns: 2000 },
  );
});

test('any text as a token', () => {
  const good = makeToken({ header: { alg: 'RS256' }, claims: { iss: 'x' } });
  onlyCaErrors(() => readToken(good));
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (changes) => {
      let token = good;
      for (const { at: where, cut, put } of changes) {
        const from = Math.floor(where * token.length);
        token = token.slice(0, from) + put + token.slice(from + cut);
      }
      onlyCaErrors(() => readToken(token));
    }),
    { numRuns: 3000 },
  );
});

test('DER bombs: depth, width, lengths', () => {
  const nest = (depth: number): Buffer => {
    let der = Buffer.alloc(0);
    for (let i = 0; i < depth; i += 1) {
      const length =
        der.length < 128
          ? [der.length]
          : der.length < 256
            ? [0x81, der.length]
            : [0x82, der.length >> 8, der.length & 255];
      der = Buffer.concat([Buffer.of(0x30, ...length), der]);
    }
    return der;
  };
  const bombs = [
    nest(2500),
    Buffer.concat([Buffer.of(0x30, 0x82, 0xea, 0x60), Buffer.alloc(60_000, 5)]),
    Buffer.from('3084ffffffff', 'hex'),
    Buffer.from('3080', 'hex'),
  ];
  for (const der of bombs) {
    const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;
    assert.throws(() => keyFromCsr(Buffer.from(pem)), isCaError);
    assert.throws(() => parseClientKey(der), isCaError);
  }
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
