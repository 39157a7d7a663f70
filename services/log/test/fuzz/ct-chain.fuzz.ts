import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { addChainRequest, FormatError, parseAddChainRequest } from '@sigstead/formats';
import { expect, type FuzzTarget, mutateDer, parsed, type Random } from '@sigstead/test/fuzz';
import { acceptChain } from '../../src/core/ct/chain.ts';
import { ctSubmission, logsSubmission } from '../../src/core/ct/entry.ts';
import { IssuerLinks } from '../../src/core/ct/issuer-links.ts';
import { readRoots } from '../../src/core/ct/roots.ts';
import { type AdmissionRules, checkRules, EXT_KEY_USAGES } from '../../src/core/ct/rules.ts';
import { LogError } from '../../src/core/errors.ts';

/** Made for this: a root, an intermediate under it, a certificate and a precertificate of that. Base64 of DER. */
interface Chains {
  root: string;
  intermediate: string;
  certificate: string;
  precertificate: string;
}

const FILE = new URL('../../../../test/vectors/fuzz/ct-chain.json', import.meta.url);
const text = JSON.parse(readFileSync(FILE, 'utf8')) as Chains;
const [root, intermediate, certificate, precertificate] = [
  text.root,
  text.intermediate,
  text.certificate,
  text.precertificate,
].map((base64) => Buffer.from(base64, 'base64')) as [Buffer, Buffer, Buffer, Buffer];

const sha256 = (data: Uint8Array): Uint8Array => hash('sha256', data, 'buffer');
const ROOTS = readRoots([root], sha256);
const NOW_MS = Date.UTC(2026, 0, 1);
const RULES: AdmissionRules = {
  notAfterStartMs: NOW_MS,
  notAfterLimitMs: NOW_MS + 86_400_000,
  extKeyUsages: [EXT_KEY_USAGES.CodeSigning],
};
/** A log whose leaves name their index, and one whose do not. */
const LOGS = [true, false].map((leafIndex) => ({ sha256, leafIndex }));
const CHAINS = [
  [certificate, intermediate],
  [precertificate, intermediate, root],
];
const bodyOf = (chain: readonly Uint8Array[]): Buffer => Buffer.from(JSON.stringify(addChainRequest(chain)));

function judge(input: Uint8Array): 'accepted' | 'refused' {
  let chain: Uint8Array[] = [];
  const body = parsed(() => (chain = parseAddChainRequest(input)), [FormatError]);
  if (body === 'refused') return 'refused';
  const verdicts = (['x509', 'precert'] as const).map((type) =>
    parsed(
      () => {
        const accepted = acceptChain(chain, ROOTS, type, new IssuerLinks(sha256));
        checkRules(accepted, RULES, NOW_MS);
        return LOGS.map((rules) => ({ rules, submission: ctSubmission(accepted, type, rules) }));
      },
      [LogError],
      (logged) => {
        for (const { rules, submission } of logged) {
          const { leaf } = submission.leaf({ index: 7, timestampMs: 1_800_000_000_000 });
          expect(logsSubmission(leaf, { index: 7, submission }, rules), 'the leaf does not log it');
          const elsewhere = logsSubmission(leaf, { index: 8, submission }, rules);
          expect(elsewhere !== rules.leafIndex, 'the leaf is of another index');
        }
      },
    ),
  );
  expect(!verdicts.every((verdict) => verdict === 'accepted'), 'it is a certificate and a precertificate');
  return verdicts.includes('accepted') ? 'accepted' : 'refused';
}

/** A good chain with one certificate changed on the inside, or in its place. */
function made(random: Random): Uint8Array {
  const chain = random.pick(CHAINS);
  const at = random.below(chain.length);
  const one = chain[at] ?? root;
  return bodyOf(
    random.pick([
      () => chain.with(at, mutateDer(one, random) ?? one),
      () => chain.with(at, mutateDer(one, random) ?? one),
      () => chain.toSpliced(at, 1),
      () => chain.toSpliced(at, 0, one),
      () => chain.toReversed(),
      () => [
        ...chain,
        ...Array.from({ length: random.below(25) }, () => random.pick([root, intermediate, certificate])),
      ],
      () => chain,
    ])(),
  );
}

export const targets: readonly FuzzTarget[] = [
  { name: 'ct-chain', kind: 'json', seeds: CHAINS.map(bodyOf), words: ['"chain":', '""', '[', ']'], make: made, judge },
];
