import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { TreeEdge } from '@sigstead/merkle';
import { judgeClaimedSize, judgeForeignHead, type OwnHead } from '../src/core/foreign-head.ts';
import type { HeadClaim } from '../src/core/ports.ts';
import { ctPersonality } from '../src/core/ct/personality.ts';
import { rekorV2Personality } from '../src/core/rekor-v2/personality.ts';
import { hasher, sha256 } from './support/test-log.ts';

const SIZE = 20;
const leaves = (mark: string, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => hasher.leaf(Buffer.from(`${mark} ${i}`)));
const rootOf = (hashes: readonly Uint8Array[]): Uint8Array =>
  hashes.length === 0 ? hasher.empty() : TreeEdge.empty(hasher).append(hashes).edge.root();
const ours = leaves('ours', SIZE);
const key = (): ReturnType<typeof signerFromPem> => signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
const signer = key();
const kinds = [
  {
    own: rekorV2Personality({ origin: 'log.test', signer }),
    other: rekorV2Personality({ origin: 'log.test', signer: key() }),
  },
  { own: ctPersonality({ signer, sha256 }), other: ctPersonality({ signer: key(), sha256 }) },
];

for (const { own, other } of kinds) {
  const asked: OwnHead = {
    head: { size: SIZE, root: rootOf(ours) },
    rootAt: (size) => Promise.resolve(rootOf(ours.slice(0, size))),
    openHead: (note) => own.openHead(note),
  };
  const claimOf = (size: number, forked: boolean): HeadClaim => {
    const tree = forked ? leaves('theirs', size) : [...ours, ...leaves('later', size)].slice(0, size);
    return { size, root: rootOf(tree), timestampMs: 1 };
  };

  test(`${own.kind}: our signature over a larger or another tree stops the log, over a prefix it does not`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 2 * SIZE }), fc.boolean(), async (size, forked) => {
        const verdict = await judgeForeignHead(await own.signHead(claimOf(size, forked)), asked);
        assert.equal(verdict.kind, size > SIZE || forked ? 'halt' : 'consistent');
        if (verdict.kind !== 'halt') return;
        assert.equal(verdict.error.code, 'halted');
        const names = verdict.error.detail?.match(/size \d+ root [0-9a-f]{64}/g) ?? [];
        assert.ok(names.length >= 2 && names[0] !== names[1], `both heads are named: ${verdict.error.detail}`);
      }),
    );
  });

  test(`${own.kind}: what another key signed, or nobody, only alarms, whatever it says`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 2 * SIZE }), fc.boolean(), fc.nat(), async (size, forked, at) => {
        const note = Buffer.from(await own.signHead(claimOf(size, forked)));
        const damaged = Buffer.from(note);
        damaged[at % note.length]! ^= 1;
        const hostile = [
          await other.signHead(claimOf(size, forked)),
          note.subarray(0, at % note.length),
          Buffer.alloc(0),
        ];
        // A flipped bit outside of what is signed and of the signature may leave the note valid: then it is no forgery.
        const opens = (() => {
          try {
            own.openHead(damaged);
            return true;
          } catch {
            return false;
          }
        })();
        if (!opens) hostile.push(damaged);
        for (const bytes of hostile) assert.equal((await judgeForeignHead(bytes, asked)).kind, 'alarm');
      }),
    );
  });
}

test("a witness's claim of a larger size only alarms", () => {
  const head = { size: SIZE, root: rootOf(ours) };
  assert.equal(judgeClaimedSize(SIZE, head).kind, 'consistent');
  assert.equal(judgeClaimedSize(Number.MAX_SAFE_INTEGER, head).kind, 'alarm');
});
