import { createPublicKey } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createFetchJson, type FetchJson, type FetchRequest } from '@sigstead/ca';
import { closeServer } from './local-server.ts';
import { keyPem } from './recorded.ts';

/** The issuers of the recorded servers, on one local port. Requests for them are counted. */
export interface FakeIssuers {
  readonly fetchJson: FetchJson;
  /** URLs asked for, in order. */
  readonly asked: string[];
  /** Host headers of connections that should not have been made. */
  readonly foreign: string[];
  keys: Record<string, string>;
  close(): Promise<void>;
}

const ALGORITHMS = ['RS256', 'RS384', 'PS256', 'ES256', 'ES384', 'EdDSA'];
const WELL_KNOWN = '/.well-known/openid-configuration';

/** kid → name of the key in the recorded folder. */
const KEYS = { 'rsa-1': 'oidc-rsa', 'ec-1': 'oidc-ec', 'ec384-1': 'oidc-ec384', 'ed-1': 'oidc-ed' };

function jwks(keys: Record<string, string>): object {
  return {
    keys: Object.entries(keys).map(([kid, name]) => ({
      ...createPublicKey(keyPem(name)).export({ format: 'jwk' }),
      kid,
      use: 'sig',
    })),
  };
}

function json(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
}

export async function fakeIssuers(): Promise<FakeIssuers> {
  const asked: string[] = [];
  const foreign: string[] = [];
  const state: { keys: Record<string, string> } = { keys: { ...KEYS } };
  const server = createServer((request, response) => answer(request, response, state.keys));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const network = createFetchJson({ isTrustedHost: (host) => host === `127.0.0.1:${port}` });
  return {
    asked,
    foreign,
    get keys() {
      return state.keys;
    },
    set keys(keys) {
      state.keys = keys;
    },
    // What an HTTP proxy does for the recorded servers: all hosts lead here, and the wanted URL travels along.
    fetchJson: ({ url, issuer }: FetchRequest) => {
      asked.push(url);
      return network({ url: `http://127.0.0.1:${port}/?${encodeURIComponent(url)}`, issuer });
    },
    close: () => closeServer(server),
  };
}

function answer(request: IncomingMessage, response: ServerResponse, keys: Record<string, string>): void {
  const url = decodeURIComponent(request.url?.slice(2) ?? '');
  if (url.endsWith('/keys')) return json(response, jwks(keys));
  if (!url.endsWith(WELL_KNOWN)) return void response.writeHead(404).end('not found');
  const base = url.slice(0, -WELL_KNOWN.length);
  const name = base.slice(base.lastIndexOf('/') + 1);
  const document = { issuer: base, jwks_uri: `${base}/keys`, id_token_signing_alg_values_supported: ALGORITHMS };
  switch (name) {
    case 'noalgs':
      return json(response, { issuer: base, jwks_uri: `${base}/keys` });
    case 'rs256only':
      return json(response, { ...document, id_token_signing_alg_values_supported: ['RS256'] });
    case 'hsalgs':
      return json(response, { ...document, id_token_signing_alg_values_supported: ['HS256', 'none'] });
    case 'wrongiss':
      return json(response, { ...document, issuer: `${base}/` });
    case 'down':
      return void response.writeHead(503).end('down');
    case 'html':
      return void response.setHeader('content-type', 'text/html').end('<html><body>hello</body></html>');
    case 'badjwks':
      return json(response, { ...document, jwks_uri: `${base}/nothing` });
    case 'redir':
      return void response.writeHead(302, { location: `http://other.example.com/redir${WELL_KNOWN}` }).end();
    case 'slash':
      return json(response, { ...document, issuer: `${base}/` });
    default:
      return json(response, document);
  }
}
