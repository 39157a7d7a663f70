import { FormatError, type JsonValue, hasTrailingText, parseJson } from '@sigstead/formats';
import { hashByName } from './hashes.ts';
import { dottedFromText } from './oid.ts';
import { Refusal } from './refusal.ts';
import type { ParsedRequest } from './request.ts';

/** Bytes of a JSON request. The nonce is the only member that could be large. */
export const MAX_JSON_BYTES = 1024;

interface Members {
  artifactHash: string;
  hashAlgorithm: string;
  tsaPolicyOID: string;
  certificates: boolean;
  nonce: bigint | undefined;
}

/** Folded names of the members we know. */
const KNOWN: ReadonlyMap<string, keyof Members> = new Map(
  (['artifactHash', 'hashAlgorithm', 'tsaPolicyOID', 'certificates', 'nonce'] as const).map((name) => [
    name.toLowerCase(),
    name,
  ]),
);

/**
 * The JSON request of timestamp-authority: names match without regard to case, of repeated ones the last wins, a null
 * leaves text and flags as they were and removes a nonce, unknown members are ignored. Throws Refusal.
 */
export function parseJsonRequest(bytes: Uint8Array): ParsedRequest {
  if (bytes.length > MAX_JSON_BYTES) throw new Refusal('too_large', `JSON request of ${bytes.length} bytes`);
  const members = readMembers(bytes);
  const hash = hashByName(members.hashAlgorithm);
  if (hash === undefined) throw new Refusal('malformed', 'unknown hash algorithm');
  if (hash === 'weak') throw new Refusal('weak_hash', 'hash algorithm SHA-1');
  const policy = members.tsaPolicyOID === '' ? undefined : dottedFromText(members.tsaPolicyOID);
  const digest = decodeDigest(members.artifactHash);
  const nonce = members.nonce === undefined ? undefined : integerOctets(members.nonce);
  return { hash, digest, policy, nonce, certReq: members.certificates, extensions: [] };
}

function readMembers(bytes: Uint8Array): Members {
  const members: Members = {
    artifactHash: '',
    hashAlgorithm: '',
    tsaPolicyOID: '',
    certificates: false,
    nonce: undefined,
  };
  const value = parse(bytes);
  if (value.kind === 'null') return members;
  if (value.kind !== 'object') throw new Refusal('malformed', `JSON ${value.kind} in place of an object`);
  for (const member of value.members) {
    const name = KNOWN.get(fold(member.name));
    if (name !== undefined) assign(members, name, member.value);
  }
  return members;
}

function parse(bytes: Uint8Array): JsonValue {
  try {
    // As deep as the bytes allow: the size is the bound.
    const parsed = parseJson(bytes, { maxDepth: MAX_JSON_BYTES, maxNodes: MAX_JSON_BYTES, unicode: 'replace' });
    if (hasTrailingText(parsed)) throw new Refusal('malformed', 'text after the JSON value');
    return parsed.value;
  } catch (error) {
    if (error instanceof FormatError) throw new Refusal('malformed', error.message);
    throw error;
  }
}

/** Long s and the Kelvin sign fold to s and k. SPEC: Unicode simple case folding. */
function fold(name: string): string {
  return name.replaceAll('\u017f', 's').replaceAll('\u212a', 'k').toLowerCase();
}

function assign(members: Members, name: keyof Members, value: JsonValue): void {
  if (value.kind === 'null') {
    if (name === 'nonce') members.nonce = undefined;
    return;
  }
  if (name === 'nonce') members.nonce = readNonce(value);
  else if (name === 'certificates') {
    if (value.kind !== 'bool') throw new Refusal('malformed', 'certificates is no boolean');
    members.certificates = value.value;
  } else {
    if (value.kind !== 'string') throw new Refusal('malformed', `${name} is no string`);
    members[name] = value.value;
  }
}

/** Whole numbers only, of any size, exactly. */
function readNonce(value: JsonValue): bigint {
  if (value.kind !== 'number' || !/^-?[0-9]+$/.test(value.text)) throw new Refusal('malformed', 'nonce is no integer');
  return BigInt(value.text);
}

/** Padded standard base64; line ends inside are skipped, padding bits are not looked at. SPEC: RFC 4648 §4, §3.1 */
function decodeDigest(text: string): Uint8Array {
  const body = text.replace(/[\r\n]/g, '');
  if (body.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(body))
    throw new Refusal('malformed', 'artifactHash is not padded base64');
  return Buffer.from(body, 'base64');
}

/** Minimal two's complement octets. SPEC: X.690 §8.3 */
export function integerOctets(value: bigint): Uint8Array {
  let octets = 1;
  while (BigInt.asIntN(octets * 8, value) !== value) octets += 1;
  const hex = BigInt.asUintN(octets * 8, value)
    .toString(16)
    .padStart(octets * 2, '0');
  return Buffer.from(hex, 'hex');
}
