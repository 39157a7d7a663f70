import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Refused, type Sample, type Verifier } from './bundle.ts';
import { FIELD_NAMES, mutate } from './mutate.ts';

export interface RefusalOptions {
  /** Trusts the instance that the sample was made with. */
  readonly verifier: Verifier;
  /** The same client, trusting another instance. */
  readonly stranger: Verifier;
  readonly sample: Sample;
  /** How many processes at the same time. */
  readonly concurrency?: number;
  /** False for a client that does not look at the artifact of this kind of bundle. */
  readonly comparesArtifact?: boolean;
}

/** Declares one test for each way in which a bundle must be refused, and one that the bundle itself is accepted. */
export function describeRefusals(name: string, options: RefusalOptions): void {
  const { verifier, stranger, sample, concurrency = 3, comparesArtifact = true } = options;
  const refused = (title: string, change: (good: Sample) => Sample): void => {
    test(`refuses ${title}`, () => assertRefused(verifier, change(sample)));
  };
  describe(name, { concurrency }, () => {
    test('accepts the bundle as it is', () => verifier.verify(sample));
    for (const field of FIELD_NAMES) {
      refused(`one bit changed in ${field}`, (good) => ({ ...good, bundle: mutate(good.bundle, field) }));
    }
    refused('another identity', (good) => ({ ...good, identity: `eve.${good.identity}` }));
    refused('another issuer', (good) => ({ ...good, issuer: `${good.issuer}/ci` }));
    if (comparesArtifact) {
      refused('a changed artifact', (good) => ({
        ...good,
        artifact: Buffer.concat([good.artifact, Buffer.from('.')]),
      }));
    }
    test('refuses with the trust material of another instance', () => assertRefused(stranger, sample));
  });
}

/** Words of an error that says nothing about the bundle. */
const BESIDE_THE_POINT = /ECONNREFUSED|connection refused|no such file|ENOENT|unknown flag|usage:|Traceback/i;

async function assertRefused(verifier: Verifier, sample: Sample): Promise<void> {
  try {
    await verifier.verify(sample);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    assert.doesNotMatch(error.message, BESIDE_THE_POINT);
    return;
  }
  assert.fail(`${verifier.name} accepts it`);
}
