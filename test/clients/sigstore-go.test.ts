import { describe, test } from 'node:test';
import type { Sample } from './bundle.ts';
import { needs } from './environment.ts';
import { goVerifierFor } from './go-verify.ts';
import { describeRefusals } from './refusals.ts';
import { clientsFor } from './signers.ts';
import { goVerify } from './tools.ts';
import { sharedWorkbench } from './workbench.ts';

const { skip } = needs(goVerify);

if (skip !== false) describe('sigstore-go', { skip }, () => test('verifies'));
else await suite();

/** It signs nothing itself: it judges the bundles of the clients that do. */
async function suite(): Promise<void> {
  const bench = await sharedWorkbench();
  const other = await sharedWorkbench();
  const { signers } = await clientsFor(bench);
  const clients = {
    verifier: await goVerifierFor(bench.instance.url),
    stranger: await goVerifierFor(other.instance.url),
  };
  const samples: Sample[] = [];
  for (const signer of signers) {
    const artifact = Buffer.from(`signed by ${signer.name}\n`);
    samples.push(await signer.message(artifact), await signer.statement(artifact));
  }
  for (const sample of samples) describeRefusals(`sigstore-go, ${sample.name}`, { ...clients, sample });
}
