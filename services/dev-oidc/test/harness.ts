import { createHash, randomBytes } from 'node:crypto';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { createHttpServer, createMetrics, silentLogger } from '@sigstead/platform';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { composeDevOidc, type DevOidc } from '../src/index.ts';

export const PUBLIC_URL = 'http://localhost:8080';
export const REDIRECT = 'http://localhost:41234/auth/callback';

const signer = signerFromPem(generatePrivateKeyPem('rsa-pkcs1-sha256'));

export interface Rig {
  readonly oidc: DevOidc;
  readonly app: FastifyInstance;
  /** Moves the clock. */
  readonly advance: (ms: number) => void;
  readonly nowMs: () => number;
}

export async function rig(): Promise<Rig> {
  let nowMs = 1_764_000_000_000;
  const oidc = await composeDevOidc({
    mode: 'dev',
    logger: silentLogger,
    clock: { nowMs: () => nowMs },
    random: randomBytes,
    publicUrl: () => PUBLIC_URL,
    signer,
  });
  const server = createHttpServer({ logger: silentLogger, metrics: createMetrics() });
  await server.app.register(oidc.routes);
  await server.app.ready();
  const advance = (ms: number): void => {
    nowMs += ms;
  };
  return { oidc, app: server.app, advance, nowMs: () => nowMs };
}

export function testSigner(): typeof signer {
  return signer;
}

/** A client that follows the specification and knows nothing of the server's code. */
export interface Login {
  readonly verifier: string;
  readonly params: Record<string, string>;
}

export function newLogin(overrides: Record<string, string | undefined> = {}): Login {
  const verifier = randomBytes(32).toString('base64url');
  const params: Record<string, string | undefined> = {
    client_id: 'sigstore',
    redirect_uri: REDIRECT,
    response_type: 'code',
    scope: 'openid email',
    state: 'st-123',
    nonce: 'no-456',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...overrides,
  };
  const given = Object.entries(params).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { verifier, params: Object.fromEntries(given) };
}

export function query(params: Record<string, string>): string {
  return new URLSearchParams(params).toString();
}

export function get(app: FastifyInstance, url: string): Promise<LightMyRequestResponse> {
  return app.inject({ method: 'GET', url });
}

export function postForm(
  app: FastifyInstance,
  url: string,
  params: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<LightMyRequestResponse> {
  return app.inject({
    method: 'POST',
    url,
    payload: query(params),
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  });
}

/** Names and values of all controls of the page's one form, read by the rules of HTML, and where it is sent. */
export function readForm(html: string): { action: string; fields: Record<string, string> } {
  const unescape = (text: string): string =>
    text.replace(/&#(\d+);/g, (_all, code: string) => String.fromCharCode(Number(code)));
  const fields: Record<string, string> = {};
  for (const [, tag] of html.matchAll(/<input ([^>]*)>/g)) {
    const name = /name="([^"]*)"/.exec(tag!)?.[1];
    if (name !== undefined) fields[unescape(name)] = unescape(/value="([^"]*)"/.exec(tag!)?.[1] ?? '');
  }
  const area = /<textarea [^>]*name="([^"]*)"[^>]*>([^<]*)<\/textarea>/.exec(html);
  if (area) fields[unescape(area[1]!)] = unescape(area[2]!);
  return { action: unescape(/<form [^>]*action="([^"]*)"/.exec(html)?.[1] ?? ''), fields };
}

/** Walks from the authorization address through the page to the redirect and gives its code. */
export async function signIn(
  app: FastifyInstance,
  base: string,
  login: Login,
  typed: Record<string, string>,
): Promise<URL> {
  const page = await get(app, `${base}/auth?${query(login.params)}`);
  const form = readForm(page.body);
  const answer = await postForm(app, form.action, { ...form.fields, ...typed });
  if (answer.statusCode !== 303) throw new Error(`login answered ${answer.statusCode}: ${answer.body}`);
  return new URL(String(answer.headers.location));
}

export function exchange(
  app: FastifyInstance,
  base: string,
  login: Login,
  code: string,
  overrides: Record<string, string> = {},
): Promise<LightMyRequestResponse> {
  const params = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: login.params['redirect_uri']!,
    code_verifier: login.verifier,
    ...overrides,
  };
  return postForm(app, `${base}/token`, params, {
    authorization: `Basic ${Buffer.from('sigstore:').toString('base64')}`,
  });
}
