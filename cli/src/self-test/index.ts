import { generateKeyPairSync, sign } from 'node:crypto';
import { asJson, asList, asText, demand, type Json, sha256 } from './check.ts';
import { checkCertificate, requestCertificate } from './certificate.ts';
import { checkEntry, fetchCheckpoint, logEntry } from './entry.ts';
import { checkTimestamp, requestTimestamp } from './timestamp.ts';
import { fetchTrust } from './trust.ts';

export { SelfTestError } from './check.ts';

export interface SelfTestOptions {
  /** Where clients reach the instance, and where this process does: a proxy may wait until the instance is ready. */
  readonly publicUrl: string;
  readonly localUrl: string;
  /** Bytes of the first root, known from the publisher and not from the network. */
  readonly initialRoot: Uint8Array;
  /** A token of the email issuer for this address. */
  readonly token: (email: string) => Promise<string>;
}

/** Nobody's address: the domain is reserved. SPEC: RFC 2606 §2 */
const EMAIL = 'self-test@sigstead.invalid';

/**
 * Signs once through all five services over their HTTP port and verifies the result with nothing but published trust
 * material. On a new instance this is entry 0 of its v2 log: some clients leave index 0 and an empty proof out of
 * their bundles and others then refuse those, so no user's entry may be the first.
 * Throws SelfTestError, or what a check of a format throws.
 */
export async function signOnce(options: SelfTestOptions): Promise<void> {
  const { trust, signingConfig } = await fetchTrust(`${options.localUrl}/tuf`, options.initialRoot);
  const service = (list: string): string => serviceUrl(options, signingConfig, list);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const certificate = await requestCertificate({
    caUrl: service('caUrls'),
    token: await options.token(EMAIL),
    email: EMAIL,
    privateKey,
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  });
  checkCertificate(certificate, trust, EMAIL);
  const artifact = Buffer.from('first entry of this log\n');
  const signature = sign('sha256', artifact, privateKey);
  const response = await requestTimestamp(service('tsaUrls'), signature);
  checkTimestamp(response, signature, trust);
  const wish = {
    logUrl: service('rekorTlogUrls'),
    digest: sha256(artifact),
    signature,
    certificate: certificate.der,
  };
  checkEntry(await logEntry(wish), wish, trust);
}

/** The cheaper check of every later start: trust material as a client fetches it, and the log's signed head. */
export async function checkInstance(options: Omit<SelfTestOptions, 'token'>): Promise<void> {
  const { trust, signingConfig } = await fetchTrust(`${options.localUrl}/tuf`, options.initialRoot);
  const { size } = await fetchCheckpoint(serviceUrl(options, signingConfig, 'rekorTlogUrls'), trust);
  demand(size > 0, 'the Rekor v2 log', 'the log is empty although entries were answered');
}

/** A service's published URL, reached from here. */
function serviceUrl(at: Pick<SelfTestOptions, 'publicUrl' | 'localUrl'>, signingConfig: Json, list: string): string {
  const part = 'the signing config';
  const [first] = asList(part, signingConfig[list]);
  const url = asText(part, asJson(part, first)['url']);
  demand(url.startsWith(at.publicUrl), part, `${list} is not at ${at.publicUrl}`);
  return at.localUrl + url.slice(at.publicUrl.length);
}
