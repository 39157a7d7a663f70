import { methodTable } from '@sigstead/platform';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type AuthorizationRequest, codeRedirect, decideAuthorization, deniedRedirect } from '../core/authorize.ts';
import { type Identity, readIdentity, readLifetime, type TokenRequest } from '../core/claims.ts';
import type { CodeStore } from '../core/codes.ts';
import { OidcError } from '../core/errors.ts';
import { exchangeCode } from '../core/exchange.ts';
import type { Params } from '../core/form.ts';
import { discoveryDocument, type IssuerPlace, ISSUERS, isIssuerKind } from '../core/issuers.ts';
import { sendFaultPage, sendPrivateJson, sendOAuthError, sendPage, sendRedirect } from './answers.ts';
import { loginPage } from './pages.ts';
import { formParams, jsonBodyFromTool, queryParams, refuseForeignForm } from './requests.ts';

/** What the routes ask of the service. */
export interface RoutePorts {
  readonly publicUrl: () => string;
  readonly codes: CodeStore;
  readonly jwks: () => { keys: readonly Readonly<Record<string, unknown>>[] };
  readonly mint: (request: TokenRequest, nonce?: string) => Promise<string>;
}

/** The path that gives a token without a browser; development only, as everything here. */
export const DEV_TOKEN_PATH = '/oidc/dev/token';

/** Claims are bounded at 16 KiB; a form writes some bytes as three. */
const MAX_BODY_BYTES = 65_536;

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

/** Registers the three issuers and the token address of the command line. */
export async function registerRoutes(app: FastifyInstance, ports: RoutePorts): Promise<void> {
  for (const place of ISSUERS) registerIssuer(app, place, ports);
  register(app, DEV_TOKEN_PATH, { POST: asOAuth((request, reply) => devToken(request, reply, ports)) });
}

function registerIssuer(app: FastifyInstance, place: IssuerPlace, ports: RoutePorts): void {
  const { kind, path } = place;
  const discovery = asOAuth(async (_request, reply) =>
    sendPrivateJson(reply, 200, discoveryDocument(ports.publicUrl(), kind)),
  );
  const keys = asOAuth(async (_request, reply) => sendPrivateJson(reply, 200, ports.jwks()));
  const ask = (read: (request: FastifyRequest) => Params) =>
    asPage(async (request, reply) => showLogin(reply, place, ports, decideAuthorization(read(request))));
  register(app, `${path}/.well-known/openid-configuration`, { GET: discovery });
  register(app, `${path}/jwks`, { GET: keys });
  register(app, `${path}/auth`, { GET: ask(queryParams), POST: ask(formParams) });
  register(app, `${path}/auth/login`, { POST: asPage((req, reply) => login(req, reply, place, ports)) });
  register(app, `${path}/token`, { POST: asOAuth((req, reply) => exchange(req, reply, place, ports)) });
}

function showLogin(
  reply: FastifyReply,
  place: IssuerPlace,
  ports: RoutePorts,
  decision: ReturnType<typeof decideAuthorization>,
  again?: { fault: string; typed: string },
): FastifyReply {
  if (decision.outcome === 'redirect') return sendRedirect(reply, decision.location);
  const page = loginPage({
    kind: place.kind,
    publicUrl: ports.publicUrl(),
    action: `${place.path}/auth/login`,
    redirectUri: decision.request.redirectUri,
    carried: decision.request.carried,
    ...again,
  });
  return sendPage(reply, again === undefined ? 200 : 400, page);
}

async function login(
  request: FastifyRequest,
  reply: FastifyReply,
  place: IssuerPlace,
  ports: RoutePorts,
): Promise<FastifyReply> {
  refuseForeignForm(request, ports.publicUrl());
  const params = formParams(request);
  const decision = decideAuthorization(params);
  if (decision.outcome === 'redirect') return sendRedirect(reply, decision.location);
  if (params.get('decision') === 'cancel') return sendRedirect(reply, deniedRedirect(decision.request));
  const identity = typedIdentity(place, params);
  if (identity instanceof OidcError) {
    const typed = params.get('email') ?? params.get('subject') ?? params.get('claims') ?? '';
    return showLogin(reply, place, ports, decision, { fault: identity.message, typed });
  }
  return sendRedirect(reply, codeRedirect(decision.request, issueCode(ports, decision.request, identity)));
}

function issueCode(ports: RoutePorts, request: AuthorizationRequest, identity: Identity): string {
  const { redirectUri, codeChallenge, nonce } = request;
  return ports.codes.issue({ identity, redirectUri, codeChallenge, nonce });
}

/** Who was typed into the form; an error is shown above it, so it is a value here. */
function typedIdentity(place: IssuerPlace, params: Params): Identity | OidcError {
  try {
    switch (place.kind) {
      case 'email':
        return readIdentity('email', { email: params.get('email') });
      case 'uri':
        return readIdentity('uri', { claims: { sub: params.get('subject') } });
      case 'ci':
        return readIdentity('ci', { claims: parseJson(params.get('claims')) });
    }
  } catch (error) {
    if (error instanceof OidcError) return error;
    throw error;
  }
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

async function exchange(
  request: FastifyRequest,
  reply: FastifyReply,
  place: IssuerPlace,
  ports: RoutePorts,
): Promise<FastifyReply> {
  const grant = exchangeCode(place.kind, formParams(request), request.headers.authorization, ports.codes);
  const lifetimeSeconds = readLifetime(undefined);
  const token = await ports.mint({ ...grant.identity, lifetimeSeconds }, grant.nonce);
  // One JWT under both names: clients differ in which of the two they take to the certificate authority.
  return sendPrivateJson(reply, 200, {
    access_token: token,
    id_token: token,
    token_type: 'Bearer',
    expires_in: lifetimeSeconds,
  });
}

async function devToken(request: FastifyRequest, reply: FastifyReply, ports: RoutePorts): Promise<FastifyReply> {
  const { issuer, email, claims, lifetime, ...rest } = jsonBodyFromTool(request);
  if (Object.keys(rest).length > 0) {
    throw new OidcError('invalid_request', 'known members are issuer, email, claims and lifetime');
  }
  if (!isIssuerKind(issuer)) throw new OidcError('invalid_request', 'issuer must be email, uri or ci');
  const identity = readIdentity(issuer, { email, claims });
  const token = await ports.mint({ ...identity, lifetimeSeconds: readLifetime(lifetime) });
  return sendPrivateJson(reply, 200, { token });
}

function asOAuth(handler: Handler): Handler {
  return answering(handler, sendOAuthError);
}

function asPage(handler: Handler): Handler {
  return answering(handler, sendFaultPage);
}

/** Refusals are answered in the form the address speaks; anything else is the server's own default answer. */
function answering(handler: Handler, refuse: (reply: FastifyReply, error: OidcError) => FastifyReply): Handler {
  return async (request, reply) => {
    try {
      return await handler(request, reply);
    } catch (error) {
      if (error instanceof OidcError) return refuse(reply, error);
      throw error;
    }
  };
}

function register(app: FastifyInstance, path: string, handlers: Record<string, Handler>): void {
  methodTable(app, path, handlers, wrongMethod, { bodyLimit: MAX_BODY_BYTES });
}

function wrongMethod(_request: FastifyRequest, reply: FastifyReply, allowed: readonly string[]): FastifyReply {
  reply.header('allow', allowed.join(', '));
  return sendPrivateJson(reply, 405, { error: 'invalid_request', error_description: 'wrong method' });
}
