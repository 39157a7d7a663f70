import { hash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { expect, type FuzzTarget, mutateBytes, parsed, type Random, textOf } from '@sigstead/test/fuzz';
import { LogError } from '../../src/core/errors.ts';
import { keysOfBody } from '../../src/core/rekor-v2/search-entry.ts';
import { parseSearchQuery, SEARCH_LIMITS } from '../../src/core/rekor-v2/search-query.ts';
import { consistencyRange, entriesRange, entryQuestion, proofQuestion } from '../../src/http/ct-parameters.ts';
import { parseStaticTilePath } from '../../src/http/static-ct.ts';
import { BODIES, leafOf } from './create-entry.fuzz.ts';

const sha256 = (data: Uint8Array): Uint8Array => hash('sha256', data, 'buffer');
const HEX = 'ab'.repeat(32);
const QUERIES = [
  `hash=sha256:${HEX}`,
  `hash=${HEX}&identity=you%40example.com&issuer=https%3A%2F%2Ftoken.example&from=5&limit=100`,
  `publicKey=sha256:${HEX}&certificate=${HEX}`,
  `hash=${HEX.repeat(2)}&hash=sha384:${'cd'.repeat(48)}`,
];
const NAMES = ['hash', 'identity', 'issuer', 'publicKey', 'certificate', 'from', 'limit', 'url', '__proto__', ''];
const VALUES = [
  HEX,
  `sha512:${HEX}`,
  '0',
  '-1',
  '1e3',
  '9007199254740993',
  "' or 1=1; drop table log.search_keys; --",
  '$1$$',
  '%00',
  '%ff%fe',
  '%c0%af',
  '%',
  'https://169.254.169.254/latest',
  'ADMIN%40EXAMPLE.COM',
  '%F0%9F%98%80',
  'a'.repeat(5000),
];

/** A query string of the right words with the wrong things in them. */
function question(random: Random): Uint8Array {
  const parts = Array.from({ length: random.below(12) }, () => {
    const value = random.chance(0.2)
      ? encodeURIComponent(random.bytes(random.below(60)).toString('latin1'))
      : random.pick(VALUES);
    return `${random.pick(NAMES)}=${value}`;
  });
  const text = parts.join(random.pick(['&', '&', '&', ';', '&&']));
  return random.chance(0.3) ? mutateBytes(Buffer.from(text), random) : Buffer.from(text);
}

const search: FuzzTarget = {
  name: 'search-query',
  kind: 'bytes',
  seeds: QUERIES.map((query) => Buffer.from(query)),
  words: ['hash=', '&', '=', '%', '+', 'sha256:', 'limit=', 'from='],
  make: question,
  judge: (input) =>
    parsed(
      () => parseSearchQuery(Buffer.from(input).toString('latin1'), sha256),
      [LogError],
      ({ terms, from, limit }) => {
        expect(terms.length > 0 && terms.length <= SEARCH_LIMITS.terms, 'it has too few terms or too many');
        expect(
          Number.isSafeInteger(from) && from >= 0 && limit > 0 && limit <= SEARCH_LIMITS.limit,
          'its range is none',
        );
      },
    ),
};

/** What entries are found by is read out of stored bodies, certificates of strangers included: nothing stops it. */
const searchable: FuzzTarget = {
  name: 'search-keys',
  kind: 'json',
  seeds: BODIES.slice(0, 12).map((body) => leafOf(body)),
  judge(input) {
    const keys = keysOfBody(input, sha256);
    expect(keys.length <= 32 && keys.every((key) => key.length === 32), 'a key is none, or there are too many');
    expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size === keys.length, 'a key stands twice');
    return 'accepted';
  },
};

const READS = [consistencyRange, proofQuestion, entriesRange, entryQuestion];
const PARAMETERS = [
  'first=1&second=2',
  `hash=${encodeURIComponent(Buffer.alloc(32, 7).toString('base64'))}&tree_size=3`,
  'start=0&end=255',
  'leaf_index=1&tree_size=2',
];

const ctParameters: FuzzTarget = {
  name: 'ct-parameters',
  kind: 'bytes',
  seeds: PARAMETERS.map((query) => Buffer.from(query)),
  words: [
    'first=',
    'second=',
    'hash=',
    'tree_size=',
    'start=',
    'end=',
    'leaf_index=',
    '&',
    '=',
    '%',
    '+',
    '-',
    '9007199254740992',
  ],
  judge(input) {
    const request = { sentQuery: Buffer.from(input).toString('latin1') } as FastifyRequest;
    const verdicts = READS.map((read) =>
      parsed(
        () => read(request),
        [LogError],
        (found: object) => {
          const numbers = Object.values(found).filter((value) => typeof value === 'number');
          expect(
            numbers.every((value) => Number.isSafeInteger(value) && value >= 0),
            'a number is none',
          );
        },
      ),
    );
    return verdicts.includes('accepted') ? 'accepted' : 'refused';
  },
};

const STATIC_PATHS = [
  'tile/0/000',
  'tile/0/x001/234.p/5',
  'tile/data/000',
  'tile/data/000.p/255',
  'tile/data/x001/x234/067',
];

const staticPaths: FuzzTarget = {
  name: 'static-ct-path',
  kind: 'bytes',
  seeds: STATIC_PATHS.map((path) => Buffer.from(path)),
  words: ['tile/', 'data/', 'entries/', 'x000/', '.p/', '.p/0', '.p/256', '..', '%2e'],
  judge: (input) => (parseStaticTilePath(textOf(input)) === undefined ? 'refused' : 'accepted'),
};

export const targets: readonly FuzzTarget[] = [search, searchable, ctParameters, staticPaths];
