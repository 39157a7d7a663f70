import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Bundle, mustFail, type TrustedRoot, type Vector } from './conformance/bundle.ts';
import { judgeLogPart, type Reason } from './conformance/judge.ts';
import { madeVectors } from './conformance/made.ts';

/**
 * Every vector of the public conformance suite (sigstore-conformance, test/assets/bundle-verify) that is about a Rekor v2 log or
 * about checkpoints. What the log's part of it must come to; `elsewhere`: it fails, and the log's part is without fault.
 */
const VECTORS: Record<string, 'pass' | 'elsewhere' | readonly Reason[]> = {
  'rekor2-happy-path': 'pass',
  'rekor2-dsse-happy-path': 'pass',
  'rekor2-checkpoint-cosigned': 'pass',
  'rekor2-checkpoint-multiple-cosigs': 'pass',
  'rekor2-checkpoint-origin-not-first': 'pass',
  'rekor2-checkpoint-two-sigs-from-origin': 'pass',
  'rekor2-checkpoint-two-sigs-cosigned': 'pass',
  'rekor2-checkpoint-missing-log-signature_fail': ['checkpoint'],
  'rekor2-checkpoint-missing-origin_fail': ['checkpoint'],
  'rekor2-checkpoint-missing-size_fail': ['checkpoint'],
  'rekor2-checkpoint-missing-root-hash_fail': ['checkpoint'],
  'rekor2-checkpoint-no-matching-signature_fail': ['signature'],
  'rekor2-no-inclusion-proof_fail': ['no_proof'],
  'rekor2-dsse-invalid-sig_fail': ['entry'],
  'rekor2-dsse-mismatch-envelope_fail': ['body'],
  'rekor2-dsse-mismatch-sig_fail': ['body'],
  'checkpoint-bad-keyhint_fail': ['signature'],
  'checkpoint-wrong-roothash_fail': ['root'],
  'invalid-checkpoint-signature_fail': ['signature'],
  // About timestamps: valid ones, and what is wrong with others.
  'rekor2-timestamp-with-embedded-cert': 'pass',
  'rekor2-timestamp-without-embedded-cert': 'pass',
  'rekor2-timestamp-with-expired-cert-chain': 'pass',
  'rekor2-no-timestamp_fail': 'elsewhere',
  'rekor2-timestamp-outside-trust-root-tsa-validity_fail': 'elsewhere',
  'rekor2-timestamp-outside-tsa-cert-validity_fail': 'elsewhere',
  'rekor2-timestamp-payload-mismatch_fail': 'elsewhere',
  'rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail': 'elsewhere',
  'rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail': 'elsewhere',
  'rekor2-timestamp-with-incorrect-time_fail': 'elsewhere',
};
const IS_ABOUT_LOGS = /^rekor2-|^checkpoint-|-checkpoint-/;

/** The public log of v1, whose vectors bring no trusted root. SPEC: sigstore root-signing, targets, rekor.pub */
const PRODUCTION: TrustedRoot = {
  tlogs: [
    {
      baseUrl: 'https://rekor.sigstore.dev',
      publicKey: {
        rawBytes:
          'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwrkBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==',
      },
      logId: { keyId: 'wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0=' },
    },
  ],
};

function judged({ name, bundle, root }: Vector): void {
  const expected = VECTORS[name];
  assert.ok(expected !== undefined, `${name} is new: say what the log’s part of it must come to`);
  assert.equal(expected !== 'pass', mustFail(name), `${name} says something else`);
  const reason = judgeLogPart(bundle, root);
  if (typeof expected === 'string') assert.equal(reason, undefined);
  else assert.ok(reason !== undefined && expected.includes(reason), `${reason} is not what is wrong with it`);
}

describe('the conformance suite’s vectors about logs, made anew of a log of our own', () => {
  const vectors = madeVectors();
  for (const vector of vectors) it(vector.name, () => judged(vector));

  it('all of them but those about timestamps', () => {
    const about = Object.keys(VECTORS).filter((name) => !name.includes('timestamp'));
    assert.deepEqual(vectors.map(({ name }) => name).toSorted(), about.toSorted());
  });
});

/** A checkout of the suite is not part of this repository: its folder `test/assets/bundle-verify` is named by this. */
const FOLDER = process.env['SIGSTEAD_CONFORMANCE'];

if (FOLDER === undefined) {
  it('the public vectors themselves', { skip: 'SIGSTEAD_CONFORMANCE names no folder of the public suite' });
} else {
  publicVectors(FOLDER);
}

function publicVectors(folder: string): void {
  describe('the public vectors themselves', () => {
    const there = readdirSync(folder)
      .filter((name) => IS_ABOUT_LOGS.test(name))
      .sort();

    it('are exactly those that are known here: none is new, none is gone, none is left out', () => {
      assert.deepEqual(there, Object.keys(VECTORS).toSorted());
    });

    for (const name of there) {
      it(name, () => {
        const read = (file: string): unknown => JSON.parse(readFileSync(join(folder, name, file), 'utf8'));
        const root = existsSync(join(folder, name, 'trusted_root.json')) ? read('trusted_root.json') : PRODUCTION;
        judged({ name, bundle: read('bundle.sigstore.json') as Bundle, root: root as TrustedRoot });
      });
    }
  });
}
