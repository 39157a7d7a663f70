import { createHash } from 'node:crypto';

export const PREDICATE_TYPE = 'https://slsa.dev/provenance/v1';

/** SPEC: SLSA v1.0 provenance; the members that every client demands. */
export const PREDICATE = {
  buildDefinition: { buildType: 'https://example.com/build/v1', externalParameters: { ref: 'refs/heads/main' } },
  runDetails: { builder: { id: 'https://example.com/builder' } },
};

/** An in-toto statement about an artifact. SPEC: in-toto Statement v1. */
export function statementAbout(artifact: Buffer, name = 'artifact.txt'): Buffer {
  const sha256 = createHash('sha256').update(artifact).digest('hex');
  return Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name, digest: { sha256 } }],
      predicateType: PREDICATE_TYPE,
      predicate: PREDICATE,
    }),
  );
}
