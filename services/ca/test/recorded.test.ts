import assert from 'node:assert/strict';
import { createPublicKey, sign, createPrivateKey } from 'node:crypto';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { httpCtClient, type CaOptions } from '@sigstead/ca';
import { isIssuedBy, parseCertificate } from '@sigstead/formats';
import { generatePrivateKeyPem, privateKeyFromPem, signerFromPem } from '@sigstead/keys';
import { Closables } from '@sigstead/platform';
import { testDatabase } from '@sigstead/test';
import { CERTIFICATE_EXCEPTIONS, type RecordedException, REQUEST_EXCEPTIONS } from './recorded-exceptions.ts';
import { ctDouble, ctHttpServer } from './support/ct-double.ts';
import { fakeIssuers } from './support/fake-issuers.ts';
import { type Answer, chainIn, type Harness, startHarness, type Surroundings } from './support/harness.ts';
import { comparableLeaf, recordedLeaf } from './support/leaf.ts';
import {
  certificateLines,
  type CertificateLine,
  chainDer,
  keyPem,
  type RequestLine,
  requestLines,
} from './support/recorded.ts';
import { issuerToken, makeToken, NOW_MS } from './support/tokens.ts';

/* Every recorded answer of the upstream servers, asked of ours through a real listener, a real database and a log that really signs. */

const owned = new Closables();
const servers = new Map<string, Promise<Harness>>();
let surroundings: Surroundings = {};

before(async () => {
  const database = await testDatabase();
  owned.defer(() => database.drop());
  const issuers = owned.use(await fakeIssuers());
  surroundings = { connectionString: database.connectionString, issuers };
});

after(() => owned.close());

const CA2: Readonly<Record<string, string>> = {
  'fulcio-ca-p384': 'ca2-p384',
  'fulcio-ca-p521': 'ca2-p521',
  'fulcio-ca-rsa3072': 'ca2-rsa',
  'fulcio-ca-ed25519': 'ca2-ed',
};

async function optionsOf(server: string): Promise<Partial<CaOptions>> {
  const honest = ctDouble({ nowMs: () => NOW_MS });
  const ca2 = CA2[server];
  if (server === 'fulcio-no-ct') return { ct: undefined };
  if (ca2 !== undefined) return { signer: signerFromPem(keyPem(ca2)), chain: chainDer(`${ca2}-chain`) };
  const http = owned.use(await ctHttpServer(honest, server === 'fulcio-ct-refuses' ? 400 : undefined));
  const other = createPublicKey(privateKeyFromPem(generatePrivateKeyPem('ecdsa-p256-sha256')));
  const wrongSpki = other.export({ type: 'spki', format: 'der' });
  const publicKeySpki = server === 'fulcio-ct-wrong-key' ? wrongSpki : honest.publicKeySpki;
  return { ct: { client: httpCtClient({ url: http.url }), publicKeySpki } };
}

function serverOf(name: string): Promise<Harness> {
  const known = servers.get(name);
  if (known !== undefined) return known;
  const started = optionsOf(name).then(async (options) => owned.use(await startHarness(options, surroundings)));
  servers.set(name, started);
  return started;
}

function bodyOf({ request }: RequestLine, token: string): string | Buffer | undefined {
  const { body, bodyTemplate, bodyBase64, bodyGenerator } = request;
  const inJson = JSON.stringify(token).slice(1, -1);
  if (bodyTemplate !== undefined) return bodyTemplate.replaceAll('{{TOKEN}}', inJson);
  if (bodyBase64 !== undefined) return Buffer.from(bodyBase64, 'base64');
  if (bodyGenerator?.parts !== undefined) {
    return bodyGenerator.parts.map(([text, times]) => text.replaceAll('{{TOKEN}}', inJson).repeat(times)).join('');
  }
  if (bodyGenerator?.base64Parts !== undefined) {
    return Buffer.concat(
      bodyGenerator.base64Parts.map(([text, times]) =>
        Buffer.alloc(Buffer.from(text, 'base64').length * times, text, 'base64'),
      ),
    );
  }
  return body;
}

/** What differs from the recorded answer; empty when it is alike. */
function difference(line: RequestLine, answer: Answer): string {
  const { response } = line;
  const text = answer.body.toString('utf8');
  if (answer.status !== response.status) return `status ${answer.status}: ${text.slice(0, 300)}`;
  for (const name of ['content-type', 'access-control-allow-origin', 'access-control-allow-methods', 'vary']) {
    // A path of nobody is answered by the listener, which knows nothing of this service's headers.
    if (response.status === 404 && name === 'vary') continue;
    if (answer.headers[name] !== response.headers?.[name]) return `${name}: ${String(answer.headers[name])}`;
  }
  switch (line.compare) {
    case 'issued':
      return leafDifference(line.response.leaf, answer) || chainDifference(line, answer);
    case 'json-status-and-code': {
      const recorded = JSON.parse(String(response.body)) as { code: number };
      return (JSON.parse(text) as { code: number }).code === recorded.code ? '' : text;
    }
    case 'json':
      return isDeepStrictEqual(parsed(text), parsed(response.body)) ? '' : text.slice(0, 400);
    case 'exact':
      return text === (response.bodyText ?? response.body ?? '') ? '' : text;
    case 'json-issuers-any-order':
      return isDeepStrictEqual(sortedIssuers(text), sortedIssuers(String(response.body))) ? '' : 'other issuers';
  }
}

const parsed = (body: unknown): unknown => {
  try {
    return typeof body === 'string' ? JSON.parse(body) : body;
  } catch {
    return body;
  }
};

function sortedIssuers(body: string): string[] {
  return (JSON.parse(body) as { issuers: unknown[] }).issuers.map((each) => JSON.stringify(each)).sort();
}

function leafDifference(leaf: RequestLine['response']['leaf'], answer: Answer): string {
  const [der] = chainIn(answer);
  if (der === undefined || leaf === undefined) return 'no leaf';
  const [ours, theirs] = [comparableLeaf(der), recordedLeaf(leaf)];
  return isDeepStrictEqual(ours, theirs) ? '' : `leaf ${JSON.stringify(ours)}\nrecorded ${JSON.stringify(theirs)}`;
}

/** The shape around the leaf: same members, same CA certificates, and a leaf that the first of them signed. */
function chainDifference(line: RequestLine, answer: Answer): string {
  const recorded: Answer = { status: 0, headers: {}, body: Buffer.from(String(line.response.body)) };
  const [ours, theirs] = [chainIn(answer), chainIn(recorded)];
  const shape = (text: string): string[] => (text.startsWith('{') ? Object.keys(JSON.parse(text) as object) : ['pem']);
  if (!isDeepStrictEqual(shape(answer.body.toString()), shape(recorded.body.toString()))) return 'other members';
  if (!isDeepStrictEqual(ours.slice(1).map(hex), theirs.slice(1).map(hex))) return 'other CA certificates';
  const [leaf, issuer] = ours.map((der) => parseCertificate(der));
  return leaf && issuer && isIssuedBy(leaf, issuer) ? '' : 'leaf is not signed by the CA';
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function judge(
  file: string,
  results: ReadonlyMap<string, string>,
  exceptions: ReadonlyMap<string, RecordedException>,
): void {
  const problems: string[] = [];
  const counts = { alike: 0, later: 0, departure: 0 };
  for (const [name, found] of results) {
    const exception = exceptions.get(name);
    if (found === '' && exception === undefined) counts.alike += 1;
    else if (found === '') problems.push(`${name}: listed as an exception, but answered alike`);
    else if (exception === undefined) problems.push(`${name}: ${found}`);
    else counts[exception.kind] += 1;
  }
  for (const name of exceptions.keys())
    if (!results.has(name)) problems.push(`${name}: listed, but there is no such line`);
  console.log(
    `${file}: ${results.size} lines, ${counts.alike} alike, ${counts.later} later, ${counts.departure} departure`,
  );
  for (const problem of problems) console.log(problem.slice(0, 1500));
  assert.equal(problems.length, 0);
}

test('every recorded request is answered like upstream, or stands in the list of exceptions', async () => {
  const results = new Map<string, string>();
  for (const line of requestLines()) {
    const harness = await serverOf(line.server);
    const token = (line.token ?? null) === null ? '' : makeToken(line.token ?? {});
    const headers = line.request.headers.map(([name, value]): [string, string] => [
      name,
      value.replaceAll('{{TOKEN}}', token),
    ]);
    const { method, path } = line.request;
    results.set(line.name, difference(line, await harness.send({ method, path, headers, body: bodyOf(line, token) })));
  }
  judge('ca-requests', results, REQUEST_EXCEPTIONS);
});

function certificateRequest(line: CertificateLine): string {
  const key = createPrivateKey(keyPem(line.publicKey));
  const token =
    line.claimsRaw === undefined
      ? issuerToken(line.issuer, line.claims ?? {})
      : makeToken({ header: { alg: 'RS256', typ: 'JWT', kid: 'rsa-1' }, claimsRaw: line.claimsRaw });
  return JSON.stringify({
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: createPublicKey(key).export({ type: 'spki', format: 'pem' }) },
      proofOfPossession: sign('sha256', Buffer.from(line.proofOver), key).toString('base64'),
    },
  });
}

/** For a listed line: what differs beyond the values that hold an exponent upstream. */
function beyondExponents(leaf: RequestLine['response']['leaf'], answer: Answer): string {
  const [der] = chainIn(answer);
  if (der === undefined || leaf === undefined) return 'no leaf';
  const exponents = new Set(
    leaf.extensions.filter(({ valueHex }) => EXPONENT.test(textOf(valueHex ?? ''))).map(({ oid }) => oid),
  );
  const blank = (made: Record<string, unknown>): Record<string, unknown> => ({
    ...made,
    extensions: (made['extensions'] as { oid: string; valueHex: string }[]).map((each) =>
      exponents.has(each.oid)
        ? { ...each, valueHex: EXPONENT.test(textOf(each.valueHex)) ? 'exponent' : 'plain' }
        : each,
    ),
  });
  const [ours, theirs] = [blank(comparableLeaf(der)), blank(recordedLeaf(leaf))];
  const wanted = JSON.stringify(theirs).replaceAll('"exponent"', '"plain"');
  return exponents.size > 0 && JSON.stringify(ours) === wanted
    ? ''
    : `more than exponents differs: ${JSON.stringify(ours)}`;
}

const EXPONENT = /\de[+-]\d/;
const textOf = (valueHex: string): string => Buffer.from(valueHex, 'hex').toString('utf8');

test('every recorded identity gives the certificate or the error upstream gives, or stands in the list', async () => {
  const harness = await serverOf('fulcio');
  const results = new Map<string, string>();
  for (const line of certificateLines()) {
    const answer = await harness.send({ path: '/api/v2/signingCert', body: certificateRequest(line) });
    const text = answer.body.toString('utf8');
    let found = '';
    if (answer.status !== line.response.status) found = `status ${answer.status}: ${text.slice(0, 300)}`;
    else if (line.response.leaf !== undefined) found = leafDifference(line.response.leaf, answer);
    else if (!isDeepStrictEqual(parsed(text), parsed(line.response.body))) found = text.slice(0, 400);
    results.set(line.name, found);
    if (CERTIFICATE_EXCEPTIONS.get(line.name)?.onlyExponents === true) {
      assert.equal(beyondExponents(line.response.leaf, answer), '', line.name);
    }
  }
  judge('ca-certificates', results, CERTIFICATE_EXCEPTIONS);
});
