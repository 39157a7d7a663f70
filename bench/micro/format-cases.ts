import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import {
  contextConstructed,
  decodeGatewayBody,
  DerWriter,
  formatCheckpointBody,
  formatNote,
  jcs,
  KEY_DETAILS_ENUM,
  noteKeyHash,
  noteVerifier,
  parseCertificate,
  type ParsedCertificate,
  parseJson,
  type ProtoSchema,
  publicKeyFromSpki,
  signatureLine,
  Tag,
  verifyNote,
} from '@sigstead/formats';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import type { MicroCase } from './measure.ts';

/** Real things of an instance that the cases work on. */
export interface Samples {
  /** DER of a leaf with embedded SCT. */
  readonly certificate: Uint8Array;
  /** Body of a request for a Rekor v2 entry. */
  readonly request: Uint8Array;
  /** The entry that the log makes of it. */
  readonly entry: Uint8Array;
  /** An identity token signed with RS256, and its issuer's key. */
  readonly token: string;
  readonly tokenKey: KeyObject;
}

/**
 * What the formats cost a request. A service's own functions are behind its index, so the first and the last are put
 * together here from what they are made of in the packages: the checks of the profile, and of issuer, audience and
 * times, are not in them.
 */
export function formatCases(samples: Samples): MicroCase[] {
  return [tbsCase(samples), checkpointCase(), requestCase(samples), jcsCase(samples), tokenCase(samples)];
}

/**
 * TBSCertificate, all extensions included, written anew; must give the very bytes of the certificate. SPEC: RFC 5280
 * §4.1
 */
function tbsCase({ certificate }: Samples): MicroCase {
  const parsed = parseCertificate(certificate);
  return {
    name: `DER leaf TBS, ${parsed.tbs.length} bytes`,
    run: () => writeTbs(parsed),
    check: () => {
      if (!Buffer.from(writeTbs(parsed)).equals(parsed.tbs)) throw new Error('the TBS written is another one');
    },
  };
}

function writeTbs(leaf: ParsedCertificate): Uint8Array {
  const writer = new DerWriter(leaf.tbs.length + 64);
  const end = writer.mark();
  for (const { oid, critical, value } of leaf.extensions.toReversed()) {
    const mark = writer.mark();
    writer.octetString(value);
    if (critical) writer.true();
    writer.oid(oid);
    writer.wrap(Tag.sequence, mark);
  }
  writer.wrap(Tag.sequence, end);
  writer.wrap(contextConstructed(3), end);
  writer.raw(leaf.spki);
  writer.raw(leaf.subject);
  const validity = writer.mark();
  writer.time(leaf.notAfterMs);
  writer.time(leaf.notBeforeMs);
  writer.wrap(Tag.sequence, validity);
  writer.raw(leaf.issuer);
  writer.raw(leaf.signatureAlgorithm.raw);
  writer.unsignedInteger(leaf.serial);
  const version = writer.mark();
  writer.smallInteger(leaf.version - 1);
  writer.wrap(contextConstructed(0), version);
  writer.wrap(Tag.sequence, end);
  return writer.finish();
}

/** As the log does it, the signer's own verification included. */
function checkpointCase(): MicroCase {
  const origin = 'log.example.com';
  const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
  const key = publicKeyFromSpki(signer.spki);
  const keyId = noteKeyHash(origin, key);
  const root = hash('sha256', 'root', 'buffer');
  let size = 0;
  const sign = (): string => {
    const body = formatCheckpointBody({ origin, size: ++size, root, extensions: [] });
    return formatNote(body, [signatureLine(origin, keyId, signer.sign(Buffer.from(body)))]);
  };
  return {
    name: 'checkpoint signed and verified',
    run: sign,
    check: () => void verifyNote(sign(), [noteVerifier(origin, key)]),
  };
}

const VERIFIER = {
  x509Certificate: { kind: 'message', oneof: 'verifier', message: { rawBytes: { kind: 'bytes' } } },
  keyDetails: { kind: 'enum', values: KEY_DETAILS_ENUM },
} as const satisfies ProtoSchema;

/** SPEC: rekor-tiles, api/proto/rekor/v2/hashedrekord.proto */
const CREATE_ENTRY = {
  hashedRekordRequestV002: {
    kind: 'message',
    message: {
      digest: { kind: 'bytes' },
      signature: {
        kind: 'message',
        message: { content: { kind: 'bytes' }, verifier: { kind: 'message', message: VERIFIER } },
      },
    },
  },
} as const satisfies ProtoSchema;

function requestCase({ request, certificate }: Samples): MicroCase {
  const decode = (): Uint8Array | undefined =>
    decodeGatewayBody(CREATE_ENTRY, request, { unknown: 'reject' }).hashedRekordRequestV002?.signature?.verifier
      ?.x509Certificate?.rawBytes;
  return {
    name: `protojson request, ${request.length} bytes`,
    run: decode,
    check: () => {
      if (!Buffer.from(decode() ?? []).equals(certificate)) throw new Error('another certificate was decoded');
    },
  };
}

function jcsCase({ entry }: Samples): MicroCase {
  const text = Buffer.from(entry).toString('utf8');
  const value: unknown = JSON.parse(text);
  return {
    name: `canonical JSON of an entry, ${entry.length} bytes`,
    run: () => jcs(value),
    check: () => {
      if (jcs(value) !== text) throw new Error('the entry is not canonical');
    },
  };
}

/** Both parts read strictly, signature verified. */
function tokenCase({ token, tokenKey }: Samples): MicroCase {
  const open = (text: string): boolean => {
    const [header = '', payload = '', signature = ''] = text.split('.');
    for (const part of [header, payload]) parseJson(Buffer.from(part, 'base64url'), { maxDepth: 64, maxNodes: 4096 });
    const input = Buffer.from(`${header}.${payload}`, 'latin1');
    return verify('sha256', input, tokenKey, Buffer.from(signature, 'base64url'));
  };
  return {
    name: `token of ${token.length} bytes read, RS256 verified`,
    run: () => open(token),
    check: () => {
      if (!open(token)) throw new Error('the token does not verify');
    },
  };
}

/** The key of a token's issuer, as its discovery names it. */
export async function issuerKey(token: string): Promise<KeyObject> {
  const read = (part: number): Record<string, unknown> =>
    JSON.parse(Buffer.from(token.split('.')[part] ?? '', 'base64url').toString('utf8')) as Record<string, unknown>;
  const discovery = await json<{ jwks_uri: string }>(`${String(read(1)['iss'])}/.well-known/openid-configuration`);
  const { keys } = await json<{ keys: Record<string, unknown>[] }>(discovery.jwks_uri);
  const { kid } = read(0);
  const jwk = keys.find((key) => key['kid'] === kid);
  if (jwk === undefined) throw new Error('the issuer does not publish the key of its token');
  return createPublicKey({ key: jwk, format: 'jwk' });
}

async function json<T>(url: string): Promise<T> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return (await response.json()) as T;
}
