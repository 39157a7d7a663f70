import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { decodePem } from '@sigstead/formats';

/** A key with a certificate that the instance issued for it. */
export interface CertifiedKey {
  readonly privateKey: KeyObject;
  /** DER. */
  readonly certificate: Uint8Array;
}

/**
 * Claims as long as those of a real release workflow in a repository with long names: the certificate then has about
 * 2.1 KB, and a Rekor v2 entry over it the 3.2 KB that entries of the public log have.
 */
export function longWorkflowClaims(): Record<string, string> {
  const repository = 'example-organisation/service-with-a-name';
  const ref = 'refs/heads/releases/2026-11';
  const workflow = `${repository}/.github/workflows/build-and-publish.yml@${ref}`;
  const commit = '0123456789abcdef0123456789abcdef01234567';
  return {
    sub: `repo:${repository}:ref:${ref}`,
    actor: 'release-engineer-on-duty',
    actor_id: '123456789',
    event_name: 'workflow_dispatch',
    job_workflow_ref: workflow,
    job_workflow_sha: commit,
    ref,
    ref_type: 'branch',
    repository,
    repository_id: '1234567890',
    repository_owner: 'example-organisation',
    repository_owner_id: '987654321',
    repository_visibility: 'public',
    run_attempt: '1',
    run_id: '12345678901',
    run_number: '12345',
    runner_environment: 'github-hosted',
    sha: commit,
    workflow: 'Build, sign and publish a release of everything',
    workflow_ref: workflow,
    workflow_sha: commit,
  };
}

/**
 * Certificates of the CA at `url`, over one token of its development issuer `ci`. Rejects with what was answered
 * instead.
 */
export async function certifiedKeys(url: string, count: number): Promise<CertifiedKey[]> {
  const claims = longWorkflowClaims();
  const { token } = await post<{ token: string }>(`${url}/oidc/dev/token`, { issuer: 'ci', claims, lifetime: 600 });
  const keys: CertifiedKey[] = [];
  while (keys.length < count) keys.push(await certify(url, token, claims['sub'] ?? ''));
  return keys;
}

async function certify(url: string, token: string, subject: string): Promise<CertifiedKey> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const content = publicKey.export({ type: 'spki', format: 'pem' });
  const proofOfPossession = sign('sha256', Buffer.from(subject), privateKey).toString('base64');
  const answer = await post<{ signedCertificateEmbeddedSct?: { chain: { certificates: string[] } } }>(
    `${url}/api/v2/signingCert`,
    {
      credentials: { oidcIdentityToken: token },
      publicKeyRequest: { publicKey: { algorithm: 'ECDSA', content }, proofOfPossession },
    },
  );
  const [leaf] = decodePem(answer.signedCertificateEmbeddedSct?.chain.certificates[0] ?? '');
  if (leaf === undefined) throw new Error(`${url} issued no certificate with an embedded SCT`);
  return { privateKey, certificate: leaf.bytes };
}

async function post<T>(url: string, value: unknown): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(value) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status} ${text.slice(0, 200)}`);
  return JSON.parse(text) as T;
}
