import type { VerificationModel } from '@sigstead/formats';
import { checkChain, checkScts } from '../../clients/certificates.ts';
import { sha256 } from './signing.ts';

/**
 * What two libraries that know nothing of us say of a certificate: @peculiar/x509 parses and verifies it and its chain
 * to the published anchor, @sigstore/core verifies every SCT in it. Every certificate that these suites make comes
 * through here. Rejects otherwise.
 */
export async function checkCertificate(leaf: Buffer, trust: VerificationModel): Promise<void> {
  const [authority, ...more] = trust.certificateAuthorities;
  if (authority === undefined || more.length > 0) throw new Error('not exactly one certificate authority is published');
  const issuing = authority.chain.map((der) => Buffer.from(der));
  const ctLogs = trust.ctlogs.map(({ spki }) => ({ spki: Buffer.from(spki), logId: sha256(spki) }));
  await checkChain([leaf, ...issuing]);
  checkScts(leaf, { issuing, timestamping: [], ctLogs });
}
