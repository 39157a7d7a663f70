import { createHash, hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  decodeWire,
  encodeBase64,
  encodeWire,
  FormatError,
  type HashName,
  jcs,
  KEY_DETAILS_ENUM,
  keyDetailsInfo,
} from '@sigstead/formats';
import { createTreeHasher } from '@sigstead/merkle';
import {
  expect,
  type FuzzTarget,
  mutateBytes,
  mutateDer,
  parsed,
  type Random,
  sameBytes,
  textOf,
} from '@sigstead/test/fuzz';
import { LogError } from '../../src/core/errors.ts';
import {
  CLIENT_SIGNING_ALGORITHMS,
  type EntryRules,
  MAX_ENTRY_BYTES,
  verifiedEntry,
} from '../../src/core/rekor-v2/entry.ts';
import { CREATE_ENTRY } from '../../src/core/rekor-v2/messages.ts';
import { type CreateEntryRequest, parseCreateEntry, proposedEntry } from '../../src/core/rekor-v2/request.ts';

const RECORDED = new URL('../../../../test/vectors/recorded/rekor2.jsonl', import.meta.url);

interface RecordedLine {
  request: { method: string; body?: string };
  response: { status: number };
}

const WIRE_LIMITS = { maxBytes: 4 * 2 ** 20, maxFields: 20_000 };
const hasher = createTreeHasher((data) => hash('sha256', data, 'buffer'));
const RULES: EntryRules = {
  algorithms: new Set(CLIENT_SIGNING_ALGORITHMS),
  dsse: true,
  digest: (name: HashName, data) => createHash(name).update(data).digest(),
  leafHash: (leaf) => hasher.leaf(leaf),
};

/** Kinds of keys whose signatures take milliseconds to verify, where others take microseconds: one seed of each is enough. */
const SLOW = ['PKIX_ED25519_PH', 'PKIX_ECDSA_P384_SHA_384', 'PKIX_ECDSA_P521_SHA_512'];
const slowKind = (body: Buffer): string | undefined => {
  const label = /"key_?details":\s*"?(\w+)/i.exec(body.toString('latin1'))?.[1] ?? '';
  return SLOW.find((kind) => label === kind || label === String(keyDetailsInfo(kind)?.number));
};

/** Requests that the real server took, and that are requests of this kind. */
export const BODIES: readonly Buffer[] = readFileSync(RECORDED, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as RecordedLine)
  .filter(({ request, response }) => request.method === 'POST' && response.status === 201)
  .flatMap(({ request: { body } }) => (body === undefined || body.length > 30_000 ? [] : [Buffer.from(body)]))
  .filter((body, at, all) => {
    const kind = slowKind(body);
    return kind === undefined || all.findIndex((other) => slowKind(other) === kind) === at;
  })
  .filter((body) => verdictOf(body) === 'accepted');

/** The leaf of a request that is accepted. */
export function leafOf(body: Uint8Array): Uint8Array {
  return entryOf(body).leaf;
}

function verdictOf(body: Uint8Array): 'accepted' | 'refused' {
  return parsed(() => entryOf(body), [LogError], checkEntry);
}

/** The same over gRPC. */
function wireVerdictOf(message: Uint8Array): 'accepted' | 'refused' {
  return parsed(() => madeOf(decodeWire(CREATE_ENTRY, message, WIRE_LIMITS)), [LogError, FormatError], checkEntry);
}

function checkEntry({ leaf, identity }: Entry): void {
  const text = textOf(leaf);
  expect(jcs(JSON.parse(text)) === text, 'the leaf is not canonical');
  expect(leaf.length <= MAX_ENTRY_BYTES, 'the leaf is longer than a bundle can hold');
  expect(sameBytes(identity, RULES.leafHash(leaf)), 'the identity is not the leaf hash');
  expect(againAs(text, identity), 'a request for the same entry is another entry');
}

interface Entry {
  leaf: Uint8Array;
  identity: Uint8Array;
}

function entryOf(body: Uint8Array): Entry {
  return madeOf(parseCreateEntry(body));
}

function madeOf(request: CreateEntryRequest): Entry {
  const submission = verifiedEntry(proposedEntry(request, RULES), RULES);
  const { leaf } = submission.leaf({ index: 0, timestampMs: 0 });
  return { leaf, identity: submission.identity };
}

interface Body {
  spec: { hashedRekordV002: { data: { digest: string }; signature: unknown } };
}

/** What is in the log says all that was asked for: asked again with it, it is the same entry. */
function againAs(leaf: string, identity: Uint8Array): boolean {
  const { hashedRekordV002: spec } = (JSON.parse(leaf) as Body).spec;
  const again = { hashedRekordRequestV002: { digest: spec.data.digest, signature: spec.signature } };
  return sameBytes(entryOf(Buffer.from(JSON.stringify(again))).identity, identity);
}

interface Request {
  hashedRekordRequestV002: {
    digest: string;
    signature: { content: string; verifier: { keyDetails: string | number; publicKey?: Raw; x509Certificate?: Raw } };
  };
}
/** The same, as a message; what is no request is left as it is. */
function madeWire(random: Random): Uint8Array {
  const body = made(random);
  try {
    return encodeWire(CREATE_ENTRY, parseCreateEntry(body));
  } catch (error) {
    if (error instanceof LogError) return body;
    throw error;
  }
}

interface Raw {
  rawBytes: string;
}

const DETAILS = Object.keys(KEY_DETAILS_ENUM);

/** A good request with one of its parts changed on the inside, in one of the spellings that JSON has for it. */
function made(random: Random): Uint8Array {
  const request = JSON.parse(random.pick(REQUESTS).toString('utf8')) as Request;
  const { signature } = request.hashedRekordRequestV002;
  const { verifier } = signature;
  const raw = verifier.publicKey ?? verifier.x509Certificate;
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
  random.pick([
    () =>
      Object.assign(raw ?? {}, {
        rawBytes: encodeBase64(mutateDer(bytes(raw?.rawBytes ?? ''), random) ?? Buffer.alloc(0)),
      }),
    () =>
      Object.assign(raw ?? {}, {
        rawBytes: encodeBase64(mutateDer(bytes(raw?.rawBytes ?? ''), random) ?? Buffer.alloc(0)),
      }),
    () =>
      Object.assign(signature, {
        content: encodeBase64(mutateDer(bytes(signature.content), random) ?? Buffer.alloc(1)),
      }),
    () => Object.assign(signature, { content: encodeBase64(mutateBytes(bytes(signature.content), random)) }),
    () =>
      Object.assign(request.hashedRekordRequestV002, {
        digest: encodeBase64(random.bytes(random.pick([0, 20, 31, 32, 33, 48, 64]))),
      }),
    () => Object.assign(verifier, { keyDetails: random.pick(DETAILS) }),
    () => Object.assign(verifier, { keyDetails: random.below(30) - 2 }),
    () =>
      Object.assign(
        verifier,
        verifier.publicKey === undefined
          ? swapped(verifier, 'x509Certificate', 'publicKey')
          : swapped(verifier, 'publicKey', 'x509Certificate'),
      ),
    () => undefined,
  ])();
  const text = JSON.stringify(request);
  return Buffer.from(random.pick(SPELLINGS)(text));
}

function swapped(verifier: object, from: string, to: string): object {
  const value = (verifier as Record<string, unknown>)[from];
  return { [from]: undefined, [to]: value };
}

const SPELLINGS: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) =>
    text.replaceAll(
      /"(\w+)":/g,
      (_all, name: string) => `"${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}":`,
    ),
  (text) => text.replaceAll('+', '-').replaceAll('/', '_'),
  (text) => text.replaceAll('=', ''),
  (text) => JSON.stringify(JSON.parse(text), undefined, 2),
  (text) =>
    text.replace(/"keyDetails":"(\w+)"/, (_all, name: string) => `"keyDetails":${keyDetailsInfo(name)?.number ?? 0}`),
];

/** Those that name a digest, few of them by the slow Ed25519ph. */
const REQUESTS: readonly Buffer[] = BODIES.filter((body) => {
  const text = body.toString('utf8');
  try {
    const request = JSON.parse(text) as Partial<Request>;
    return request.hashedRekordRequestV002?.signature?.verifier !== undefined;
  } catch {
    return false;
  }
});

export const targets: readonly FuzzTarget[] = [
  {
    name: 'create-entry-json',
    kind: 'json',
    seeds: BODIES,
    words: [
      '"hashedRekordRequestV002":',
      '"dsseRequestV002":',
      'null',
      '{"',
      '"keyDetails":',
      '8',
      '"publicKey":{"rawBytes":"',
    ],
    make: made,
    judge: verdictOf,
  },
  {
    name: 'create-entry-protobuf',
    kind: 'protobuf',
    seeds: BODIES.map((body) => encodeWire(CREATE_ENTRY, parseCreateEntry(body))),
    make: madeWire,
    judge: wireVerdictOf,
  },
];
