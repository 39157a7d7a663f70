import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'node:test';
import fc from 'fast-check';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { buildTrustedRoot, checkTrustedRoot, TrustError } from '../src/index.ts';

type Doc = ReturnType<typeof JSON.parse>;

/** The public instance's trusted root as @sigstore/tuf ships it. */
function publicRoot(): Doc {
  const seeds = JSON.parse(readFileSync(createRequire(import.meta.url).resolve('@sigstore/tuf/seeds.json'), 'utf8'));
  const text = seeds['https://tuf-repo-cdn.sigstore.dev'].targets['trusted_root.json'];
  return JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
}

test('the public root is read and built again, ids and subjects computed, value for value', () => {
  const document = publicRoot();
  assert.deepStrictEqual(buildTrustedRoot(checkTrustedRoot(document)), document);
  const message = TrustedRoot.fromJSON(document);
  assert.deepStrictEqual(TrustedRoot.fromJSON(TrustedRoot.toJSON(message)), message);
});

test('key ids of the public logs: Rekor v1 and CT by key hash, log2025-1 by origin and Ed25519 key (§1.5)', () => {
  const { tlogs, ctlogs } = checkTrustedRoot(publicRoot());
  const rebuilt = buildTrustedRoot({
    tlogs: [
      { kind: 'rekor-v1', baseUrl: 'https://rekor.sigstore.dev', spki: tlogs[0]!.spki, validFor: { startMs: 0 } },
      {
        kind: 'rekor-v2',
        baseUrl: 'https://log2025-1.rekor.sigstore.dev',
        spki: tlogs[1]!.spki,
        validFor: { startMs: 0 },
      },
    ],
    ctlogs: [
      { kind: 'ct', baseUrl: 'https://ctfe.sigstore.dev/2022', spki: ctlogs[1]!.spki, validFor: { startMs: 0 } },
    ],
    certificateAuthorities: [],
    timestampAuthorities: [],
  });
  assert.equal(rebuilt.tlogs[0]?.logId.keyId, 'wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0=');
  assert.equal(rebuilt.tlogs[1]?.logId.keyId, 'zxGZFVvd0FEmjR8WrFwMdcAJ9vtaY/QXf44Y1wUeP6A=');
  assert.equal(rebuilt.ctlogs[0]?.logId.keyId, '3T0wasbHETJjGR4cmWc3AqJKXrjePK3/h4pygC8p7o4=');
});

type Spoil = (root: Doc) => void;
const pem = (rawBytes: string): string =>
  Buffer.from(`-----BEGIN CERTIFICATE-----\n${rawBytes}\n-----END CERTIFICATE-----\n`).toString('base64');

const DEFECTS: [name: string, code: string, spoil: Spoil][] = [
  ['PEM inside rawBytes of a certificate', 'pem_not_der', (r) => spoilCert(r, pem)],
  [
    'PEM inside rawBytes of a key',
    'pem_not_der',
    (r) => {
      r.tlogs[0].publicKey.rawBytes = pem(r.tlogs[0].publicKey.rawBytes);
    },
  ],
  [
    'checkpoint key id in place of the log id',
    'log_id_length',
    (r) => {
      r.tlogs[0].logId.keyId = 'wNI9ag==';
    },
  ],
  [
    'no log id',
    'log_id_missing',
    (r) => {
      delete r.tlogs[0].logId;
    },
  ],
  [
    'log id of another log',
    'log_id_mismatch',
    (r) => {
      r.tlogs[0].logId = r.ctlogs[0].logId;
    },
  ],
  [
    'log id of an Ed25519 v2 log under another host name',
    'log_id_mismatch',
    (r) => {
      r.tlogs[1].baseUrl = 'https://other.example.org';
    },
  ],
  [
    'no start of a log',
    'start_missing',
    (r) => {
      delete r.tlogs[0].publicKey.validFor.start;
    },
  ],
  [
    'no validity of a CT log',
    'start_missing',
    (r) => {
      delete r.ctlogs[0].publicKey.validFor;
    },
  ],
  [
    'wrong subject',
    'subject_mismatch',
    (r) => {
      r.certificateAuthorities[0].subject.commonName = 'fulcio';
    },
  ],
  [
    'operator, a field of v0.2',
    'unknown_field',
    (r) => {
      r.tlogs[0].operator = 'sigstore.dev';
    },
  ],
  [
    'checkpointKeyId, a field of v0.2',
    'unknown_field',
    (r) => {
      r.tlogs[0].checkpointKeyId = { keyId: 'wNI9ag==' };
    },
  ],
  [
    'media type of v0.2',
    'media_type',
    (r) => {
      r.mediaType = 'application/vnd.dev.sigstore.trustedroot.v0.2+json';
    },
  ],
  [
    'chain in the wrong order',
    'chain_order',
    (r) => {
      r.certificateAuthorities[1].certChain.certificates.reverse();
    },
  ],
  [
    'anchor left out',
    'anchor_not_self_signed',
    (r) => {
      r.certificateAuthorities[1].certChain.certificates.pop();
    },
  ],
  [
    'TSA with its root only',
    'tsa_chain_short',
    (r) => {
      r.timestampAuthorities[0].certChain.certificates.shift();
    },
  ],
  [
    'end-entity certificate as CA',
    'chain_not_ca',
    (r) => {
      r.certificateAuthorities[1].certChain = r.timestampAuthorities[0].certChain;
    },
  ],
  [
    'not sorted by start',
    'not_sorted',
    (r) => {
      r.ctlogs[0].publicKey.validFor.start = '2024-01-01T00:00:00Z';
      delete r.ctlogs[0].publicKey.validFor.end;
    },
  ],
  [
    'key details of another curve',
    'key_details_mismatch',
    (r) => {
      r.tlogs[0].publicKey.keyDetails = 'PKIX_ECDSA_P384_SHA_384';
    },
  ],
  [
    'one log twice',
    'log_duplicate',
    (r) => {
      r.ctlogs.push(r.ctlogs[1]);
    },
  ],
];

function spoilCert(root: Doc, change: (rawBytes: string) => string): void {
  const certificate = root.certificateAuthorities[0].certChain.certificates[0];
  certificate.rawBytes = change(certificate.rawBytes);
}

for (const [name, code, spoil] of DEFECTS) {
  test(`refused in a trusted root: ${name}`, () => {
    const document = publicRoot();
    spoil(document);
    assert.throws(
      () => checkTrustedRoot(document),
      (error) => error instanceof TrustError && error.code === code,
    );
  });
}

test('whatever is put anywhere into a trusted root, it is read or refused with a code', () => {
  const places = (value: Doc, path: string[] = []): string[][] =>
    typeof value === 'object' && value !== null
      ? [path, ...Object.entries(value).flatMap(([name, inner]) => places(inner, [...path, name]))]
      : [path];
  const all = places(publicRoot()).filter((path) => path.length > 0);
  fc.assert(
    fc.property(fc.constantFrom(...all), fc.oneof(fc.jsonValue(), fc.base64String()), (path, value) => {
      const document = publicRoot();
      const parent = path.slice(0, -1).reduce((node, name) => node[name], document);
      parent[path.at(-1) ?? ''] = value;
      try {
        checkTrustedRoot(document);
      } catch (error) {
        assert.ok(error instanceof TrustError, String(error));
      }
    }),
    { numRuns: 400 },
  );
});

test('one bit changed anywhere in a certificate or key of a trusted root: read or refused with a code', () => {
  const list = ['tlogs', 'ctlogs', 'certificateAuthorities', 'timestampAuthorities'] as const;
  fc.assert(
    fc.property(fc.constantFrom(...list), fc.nat(), fc.nat(7), (field, at, bit) => {
      const document = publicRoot();
      const entry = document[field].at(-1);
      const holder = entry.publicKey ?? entry.certChain.certificates[at % entry.certChain.certificates.length];
      const bytes = Buffer.from(holder.rawBytes, 'base64');
      const place = at % bytes.length;
      bytes[place] = (bytes[place] ?? 0) ^ (1 << bit);
      holder.rawBytes = bytes.toString('base64');
      // A key or certificate that is another one has another id, or is no link of its chain.
      assert.throws(() => checkTrustedRoot(document), TrustError);
    }),
    { numRuns: 400 },
  );
});
