import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, describe, it } from 'node:test';
import { findingLines, Fuzzer } from './campaign.ts';
import { corpus } from './corpus.ts';
import { allTargets, targetFiles } from './targets.ts';

/** `npm run test:fuzz` throws a million at each. */
const INPUTS = 10_000;
const seed = Number(process.env['SIGSTEAD_FUZZ_SEED'] ?? randomInt(2 ** 32));

const files = targetFiles();
const targets = await allTargets(files);
const cases = corpus();
const fuzzer = new Fuzzer(files);
after(() => fuzzer[Symbol.asyncDispose]());

describe(`hostile inputs to every parser of the log (seed ${seed}; SIGSTEAD_FUZZ_SEED repeats it)`, () => {
  it('there are targets, and every case of the corpus is for one of them', () => {
    assert.ok(targets.size >= 15, [...targets.keys()].join());
    for (const { name, parser } of cases) assert.ok(targets.has(parser), `${name} is for ${parser}`);
  });

  for (const target of targets.keys()) {
    it(`${target}: ${INPUTS} inputs are accepted or refused as documented, in bounded time and flat memory`, async (t) => {
      const own = cases.filter(({ parser }) => parser === target).map(({ bytes }) => bytes);
      const campaign = await fuzzer.run({ target, inputs: INPUTS, seed, corpus: own });
      t.diagnostic(`${campaign.accepted} accepted, ${campaign.seconds.toFixed(2)} s`);
      assert.equal(campaign.findings.length, 0, findingLines(campaign).join('\n'));
      assert.equal(campaign.inputs, INPUTS);
    });
  }
});

/** Advisories against logs, their clients and the libraries they stand on whose input is something that a log reads. */
const ADVISORIES = [
  'GHSA-2h5h-59f5-c5x9',
  'GHSA-frqx-jfcm-6jjr',
  'GHSA-273p-m2cw-6833',
  'GHSA-4c4x-jm2x-pf9j',
  'GHSA-843x-px86-vq42',
  'rekor#823',
  'rekor#1164',
  'rekor#2831',
  'rekor-tiles#684',
  'rekor-tiles#709',
  'rekor-tiles#806',
  'rekor-tiles#872',
  'GHSA-whqx-f9j3-ch6m',
  'GHSA-w6c6-c85g-mmv6',
  'GHSA-fx35-mq7g-6g98',
  'GHSA-9qq8-cgcv-qmc9',
  'GHSA-4qg8-fj49-pxjh',
  'CVE-2026-33818',
  'CVE-2025-66031',
  'CVE-2025-12816',
  'CVE-2025-66030',
  'GO-2026-5004',
  'sigstore-js#1722',
  'GHSA-52v5-jr5w-gjxr',
  'GHSA-fcv2-xgw5-pqxf',
];

describe('the corpus of inputs that broke others', () => {
  for (const advisory of ADVISORIES) {
    it(`has an input of ${advisory}`, () => {
      assert.ok(cases.some(({ name }) => name.includes(advisory)));
    });
  }

  for (const { name, parser, verdict, bytes } of cases) {
    it(`${name}: ${verdict} by ${parser}`, () => {
      assert.equal(targets.get(parser)?.judge(bytes), verdict);
    });
  }
});
