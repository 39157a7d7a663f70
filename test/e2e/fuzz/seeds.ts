// @peculiar/x509 needs it before its own import.
import 'reflect-metadata';
import { createHash, sign, webcrypto } from 'node:crypto';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { decodePrecertExtraData, pae } from '@sigstead/formats';
import { getJson } from '../support/http.ts';
import {
  certificateRequest,
  devToken,
  entryRequest,
  type KeyPair,
  newKey,
  requestCertificate,
  sha256,
} from '../support/signing.ts';
import { IN_TOTO } from '../../clients/sigstore-js.ts';
import type { Wire } from './wire.ts';

/** A right request to one endpoint, made anew each time, and the status it gets. */
export interface Seed {
  readonly name: string;
  readonly status: number;
  make(): Wire;
}

const EMAIL = 'fuzz@example.com';
const JSON_TYPE = ['Content-Type', 'application/json'] as const;
const FORM_TYPE = ['Content-Type', 'application/x-www-form-urlencoded'] as const;

/** Right requests to every endpoint of an instance. */
export async function allSeeds(url: string): Promise<Seed[]> {
  const token = await devToken(url, { issuer: 'email', email: EMAIL });
  const key = newKey();
  const leaf = await requestCertificate(url, { token, subject: EMAIL, key });
  return [
    ...(await caSeeds(token)),
    ...rekorSeeds(key, leaf),
    ...tsaSeeds(),
    ...(await ctSeeds(url)),
    ...(await tufSeeds(url)),
    ...['/oidc', '/oidc/uri', '/oidc/ci'].flatMap(oidcSeeds),
    ...devTokenSeeds(),
    ...frontSeeds(),
  ];
}

function get(path: string, status = 200, headers: Wire['headers'] = []): Seed {
  return { name: `GET ${path}`, status, make: () => ({ method: 'GET', target: path, headers, body: Buffer.alloc(0) }) };
}

function postOf(
  name: string,
  path: string,
  status: number,
  make: () => { headers: Wire['headers']; body: Buffer },
): Seed {
  return { name, status, make: () => ({ method: 'POST', target: path, ...make() }) };
}

function json(value: unknown, ...more: Wire['headers']): { headers: Wire['headers']; body: Buffer } {
  return { headers: [JSON_TYPE, ...more], body: Buffer.from(JSON.stringify(value)) };
}

function form(params: Record<string, string>): { headers: Wire['headers']; body: Buffer } {
  return { headers: [FORM_TYPE], body: Buffer.from(new URLSearchParams(params).toString()) };
}

async function caSeeds(token: string): Promise<Seed[]> {
  const csr = Buffer.from(await certificateSigningRequest()).toString('base64');
  const bearer = ['Authorization', `Bearer ${token}`] as const;
  const v1Key = (): unknown => {
    const key = newKey();
    return {
      publicKey: {
        content: key.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
        algorithm: 'ecdsa',
      },
      signedEmailAddress: sign('sha256', Buffer.from(EMAIL), key.privateKey).toString('base64'),
    };
  };
  const v2 = '/api/v2/signingCert';
  const v1 = '/api/v1/signingCert';
  const preflight: Wire['headers'] = [
    ['Origin', 'https://a.example'],
    ['Access-Control-Request-Method', 'POST'],
  ];
  return [
    postOf('v2 certificate by key', v2, 200, () => json(certificateRequest({ token, subject: EMAIL, key: newKey() }))),
    postOf('v2 certificate by CSR', v2, 200, () =>
      json({ credentials: { oidcIdentityToken: token }, certificateSigningRequest: csr }),
    ),
    postOf('v2 certificate, token in the header', v2, 200, () => json({ certificateSigningRequest: csr }, bearer)),
    postOf('v1 certificate by key', v1, 201, () => json(v1Key(), bearer)),
    postOf('v1 certificate by CSR', v1, 201, () => json({ certificateSigningRequest: csr }, bearer)),
    {
      name: 'preflight',
      status: 204,
      make: () => ({ method: 'OPTIONS', target: v2, headers: preflight, body: Buffer.alloc(0) }),
    },
    get('/api/v2/trustBundle'),
    get('/api/v2/configuration'),
    get('/api/v1/rootCert'),
  ];
}

async function certificateSigningRequest(): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const csr = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: algorithm });
  return csr.toString('pem');
}

function rekorSeeds(key: KeyPair, leaf: Buffer): Seed[] {
  const path = '/api/v2/log/entries';
  const artifact = (): Buffer => Buffer.from(`artifact ${Math.random()}`);
  const spki = key.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const byKey = { publicKey: { rawBytes: spki }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' };
  const read = ['/checkpoint', '/tile/0/000.p/1', '/tile/0/000.p/3', '/tile/entries/000.p/1', '/tile/entries/000.p/3'];
  return [
    postOf('entry with certificate', path, 201, () => {
      const data = artifact();
      return json(entryRequest({ artifact: data, signature: sign('sha256', data, key.privateKey), leaf }));
    }),
    postOf('entry with public key', path, 201, () => {
      const data = artifact();
      const signature = { content: sign('sha256', data, key.privateKey).toString('base64'), verifier: byKey };
      return json({ hashedRekordRequestV002: { digest: sha256(data).toString('base64'), signature } });
    }),
    postOf('entry of an envelope', path, 201, () => {
      const payload = artifact();
      const sig = sign('sha256', pae(IN_TOTO, payload), key.privateKey).toString('base64');
      const envelope = { payload: payload.toString('base64'), payloadType: IN_TOTO, signatures: [{ sig, keyid: '' }] };
      return json({ dsseRequestV002: { envelope, verifiers: [byKey] } });
    }),
    ...read.flatMap((each) => [get(each), get(`/api/v2${each}`)]),
  ];
}

function tsaSeeds(): Seed[] {
  const path = '/api/v1/timestamp';
  return [
    postOf('timestamp by JSON', path, 200, () =>
      json({
        artifactHash: sha256(Buffer.from('x')).toString('base64'),
        hashAlgorithm: 'sha256',
        nonce: 12345,
        certificates: true,
      }),
    ),
    postOf('timestamp by DER', path, 200, () => ({
      headers: [['Content-Type', 'application/timestamp-query']],
      body: timestampQuery(),
    })),
    get('/api/v1/timestamp/certchain'),
  ];
}

/** A TimeStampReq with version, SHA-256 imprint, nonce and certReq. SPEC: RFC 3161 §2.4.1 */
function timestampQuery(): Buffer {
  const der = (tag: number, ...parts: Buffer[]): Buffer => {
    const content = Buffer.concat(parts);
    return Buffer.concat([Buffer.of(tag, content.length), content]);
  };
  const sha256Oid = Buffer.from('0609608648016503040201', 'hex');
  const algorithm = der(0x30, sha256Oid, der(0x05));
  const imprint = der(0x30, algorithm, der(0x04, createHash('sha256').update('x').digest()));
  return der(
    0x30,
    der(0x02, Buffer.of(1)),
    imprint,
    der(0x02, Buffer.from('1234567890', 'hex')),
    der(0x01, Buffer.of(0xff)),
  );
}

async function ctSeeds(url: string): Promise<Seed[]> {
  const base = '/ct/dev/ct/v1';
  const { entries } = await getJson<{ entries: { leaf_input: string; extra_data: string }[] }>(
    `${url}${base}/get-entries?start=0&end=0`,
  );
  const [first] = entries;
  if (first === undefined) throw new Error('the CT log is empty');
  const { precertificate, chain } = decodePrecertExtraData(Buffer.from(first.extra_data, 'base64'));
  const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64');
  const leaf = Buffer.from(first.leaf_input, 'base64');
  const hash = encodeURIComponent(sha256(Buffer.concat([Buffer.of(0), leaf])).toString('base64'));
  return [
    postOf('precertificate chain', `${base}/add-pre-chain`, 200, () =>
      json({ chain: [precertificate, ...chain].map(base64) }),
    ),
    postOf('issuing CA as a chain', `${base}/add-chain`, 200, () => json({ chain: chain.map(base64) })),
    get(`${base}/get-sth`),
    get(`${base}/get-sth-consistency?first=1&second=2`),
    get(`${base}/get-proof-by-hash?hash=${hash}&tree_size=1`),
    get(`${base}/get-entries?start=0&end=1`),
    get(`${base}/get-entry-and-proof?leaf_index=0&tree_size=1`),
    get(`${base}/get-roots`),
  ];
}

async function tufSeeds(url: string): Promise<Seed[]> {
  interface Targets {
    signed: { targets: Record<string, { hashes: { sha256: string } }> };
  }
  const { signed } = await getJson<Targets>(`${url}/tuf/1.targets.json`);
  const files = Object.entries(signed.targets).map(([name, { hashes }]) => `/tuf/targets/${hashes.sha256}.${name}`);
  const metadata = ['root.json', '1.root.json', '1.snapshot.json', '1.targets.json', 'timestamp.json'];
  return [...metadata.map((name) => `/tuf/${name}`), ...files].map((path) => get(path));
}

function oidcSeeds(issuer: string): Seed[] {
  const params = {
    client_id: 'sigstore',
    redirect_uri: 'http://localhost:41234/auth/callback',
    response_type: 'code',
    scope: 'openid email',
    state: 'state',
    nonce: 'nonce',
    code_challenge: sha256(Buffer.from('verifier')).toString('base64url'),
    code_challenge_method: 'S256',
  };
  const who = { email: EMAIL, subject: 'http://localhost/x', claims: '{"sub":"x"}' };
  const grant = {
    grant_type: 'authorization_code',
    code: 'c'.repeat(43),
    code_verifier: 'v'.repeat(43),
    redirect_uri: params.redirect_uri,
    client_id: 'sigstore',
  };
  return [
    get(`${issuer}/.well-known/openid-configuration`),
    get(`${issuer}/jwks`),
    get(`${issuer}/auth?${new URLSearchParams(params).toString()}`),
    postOf(`login at ${issuer}`, `${issuer}/auth/login`, 303, () => form({ ...params, ...who })),
    postOf(`code that nobody issued at ${issuer}`, `${issuer}/token`, 400, () => form(grant)),
  ];
}

function devTokenSeeds(): Seed[] {
  const path = '/oidc/dev/token';
  const claims = { sub: 'repo:a/b:ref:refs/heads/main', repository: 'a/b', nested: { deep: [1, { x: null }] } };
  return [
    postOf('token by e-mail', path, 200, () => json({ issuer: 'email', email: EMAIL, lifetime: 60 })),
    postOf('token by claims', path, 200, () => json({ issuer: 'ci', claims })),
  ];
}

function frontSeeds(): Seed[] {
  return ['/', '/healthz', '/ping', '/readyz'].map((path) => get(path));
}
