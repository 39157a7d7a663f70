import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { onlyEntry, type Sample, type Verifier } from './bundle.ts';
import { needs } from './environment.ts';
import { clientsFor } from './signers.ts';
import { cosign, goVerify, sigstorePython } from './tools.ts';
import { sharedWorkbench } from './workbench.ts';

interface First {
  readonly by: string;
  readonly sample: Sample;
  readonly verifiers: readonly Verifier[];
}

/** Lets one client be the first user of an instance that nobody has used. */
async function firstBundleBy(by: string): Promise<First> {
  const bench = await sharedWorkbench();
  const { signers, verifiers } = await clientsFor(bench);
  const signer = signers.find((one) => one.name === by);
  assert.ok(signer !== undefined);
  return { by, sample: await signer.message(Buffer.from('the very first\n')), verifiers };
}

const firsts: First[] = [await firstBundleBy('sigstore-js')];
if (needs(cosign).skip === false) firsts.push(await firstBundleBy('cosign'));
if (needs(sigstorePython).skip === false) firsts.push(await firstBundleBy('sigstore-python'));

for (const { by, sample, verifiers } of firsts) {
  describe(`the very first bundle of an instance, made by ${by}`, () => {
    // Some clients leave index 0 and an empty proof out of a bundle, others refuse it then: entry 0 is the instance's own.
    test('is not entry 0 and has a proof that is not empty', () => {
      const { logIndex, inclusionProof } = onlyEntry(sample.bundle);
      assert.equal(logIndex, '1');
      assert.equal(inclusionProof.treeSize, '2');
      assert.equal(inclusionProof.hashes?.length, 1);
    });
    for (const verifier of verifiers) test(`passes in ${verifier.name}`, () => verifier.verify(sample));
  });
}
for (const tool of [cosign, sigstorePython, goVerify]) {
  const { skip } = needs(tool);
  if (skip !== false) test(`the very first bundle with ${tool.name}`, { skip });
}
