import { describe, test } from 'node:test';
import type { Sample } from './bundle.ts';
import { needs } from './environment.ts';
import { signWithJs } from './sigstore-js.ts';
import { clientsFor } from './signers.ts';
import { cosign, goVerify, sigstorePython } from './tools.ts';
import { type Signatory, sharedWorkbench } from './workbench.ts';

const WORKFLOW = 'octo-org/octo-repo/.github/workflows/release.yml@refs/heads/main';
const COMMIT = '0123456789abcdef0123456789abcdef01234567';
/** What a workflow run on GitHub Actions says of itself, as far as certificates speak of it. */
const WORKFLOW_CLAIMS = {
  sub: 'repo:octo-org/octo-repo:ref:refs/heads/main',
  event_name: 'push',
  job_workflow_ref: WORKFLOW,
  job_workflow_sha: COMMIT,
  ref: 'refs/heads/main',
  repository: 'octo-org/octo-repo',
  repository_id: '74',
  repository_owner: 'octo-org',
  repository_owner_id: '65',
  repository_visibility: 'private',
  run_attempt: '1',
  run_id: '1234567890',
  runner_environment: 'self-hosted',
  sha: COMMIT,
  workflow: 'release',
  workflow_ref: WORKFLOW,
  workflow_sha: COMMIT,
};

const bench = await sharedWorkbench();
const { signers, verifiers } = await clientsFor(bench);
const samples: Sample[] = [];
for (const signer of signers) {
  const artifact = Buffer.from(`an artifact for ${signer.name}\n`);
  samples.push(await signer.message(artifact), await signer.statement(artifact));
}
samples.push(await signedAsUri(), await signedAsCi());

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

async function signedAsUri(): Promise<Sample> {
  const identity = 'http://localhost/people/you';
  const token = await bench.tokenWith('uri', { sub: identity });
  return signedBy('a uri', token, { identity, issuer: `${bench.issuer}/uri` });
}

async function signedAsCi(): Promise<Sample> {
  const token = await bench.tokenWith('ci', WORKFLOW_CLAIMS);
  const identity = `https://github.com/${WORKFLOW}`;
  return signedBy('a workflow', token, { identity, issuer: `${bench.issuer}/ci` });
}

async function signedBy(who: string, token: string, by: Signatory): Promise<Sample> {
  const data = Buffer.from(`an artifact by ${who}\n`);
  const bundle = await signWithJs({ trust: bench.js, token, kind: 'messageSignature', data });
  return bench.sample(`what ${who} signed`, bundle, data, by);
}
