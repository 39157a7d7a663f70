import { describe, test } from 'node:test';
import type { Sample } from './bundle.ts';
import { needs } from './environment.ts';
import { clientsFor } from './signers.ts';
import { cosign, goVerify, sigstorePython } from './tools.ts';
import { sharedWorkbench } from './workbench.ts';

const bench = await sharedWorkbench();
const { signers, verifiers } = await clientsFor(bench);
const samples: Sample[] = [];
for (const signer of signers) {
  const artifact = Buffer.from(`an artifact for ${signer.name}\n`);
  samples.push(await signer.message(artifact), await signer.statement(artifact));
}

describe('every client verifies what the others signed', { concurrency: 2 }, () => {
  for (const verifier of verifiers) {
    for (const sample of samples) {
      // sigstore-python takes only in-toto statements v1, cosign 3.1.3 writes v0.1: the instance has no part in it.
      if (verifier.name === 'sigstore-python' && sample.name === "cosign's statement") continue;
      test(`${verifier.name} verifies ${sample.name}`, () => verifier.verify(sample));
    }
  }
  for (const tool of [cosign, sigstorePython, goVerify]) {
    const { skip } = needs(tool);
    if (skip !== false) test(`${tool.name} verifies`, { skip });
  }
});
