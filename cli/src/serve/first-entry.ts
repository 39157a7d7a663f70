import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { createHttpServer, createMetrics, type Logger, type Routes } from '@sigstead/platform';
import { Failure } from '../failure.ts';
import { request } from '../http-client.ts';

/**
 * Makes entry 0 of a new Rekor v2 log that these routes serve below `basePath`: a signature by a key that nobody keeps. Some clients leave index 0 and an empty
 * proof out of their bundles, others then refuse those, so no user's entry may be the first. Throws a Failure.
 */
export async function makeFirstEntry(routes: Routes, basePath: string, logger: Logger): Promise<void> {
  const server = createHttpServer({ logger, metrics: createMetrics() });
  try {
    await server.app.register(routes);
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    const { status, bytes } = await request(`http://127.0.0.1:${port}${basePath}/api/v2/log/entries`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(firstEntry()),
    });
    if (status !== 201) throw new Failure(`the log refused its first entry (${status}: ${bytes.toString('utf8')})`);
  } finally {
    await server.close({ deadlineMs: 1_000 });
  }
}

/** SPEC: rekor-tiles hashedrekord 0.0.2, public key as verifier */
function firstEntry(): object {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const artifact = Buffer.from('first entry of this log\n');
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return {
    hashedRekordRequestV002: {
      digest: createHash('sha256').update(artifact).digest('base64'),
      signature: {
        content: sign('sha256', artifact, privateKey).toString('base64'),
        verifier: { publicKey: { rawBytes: spki.toString('base64') }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' },
      },
    },
  };
}
