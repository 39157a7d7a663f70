import { sign, type KeyObject } from 'node:crypto';
import {
  decodePem,
  decodeSctList,
  findExtension,
  isIssuedBy,
  Oid,
  type ParsedCertificate,
  parseCertificate,
  publicKeyFromSpki,
  readDer,
  sctSignatureInput,
  subjectAltNames,
  tbsWithoutExtension,
  verifyCtSignature,
  type VerificationModel,
} from '@sigstead/formats';
import { request } from '../http-client.ts';
import { asJson, asList, asText, demand, parseJson, sameBytes, sha256 } from './check.ts';

const PART = 'the certificate authority';

export interface CertificateRequest {
  readonly caUrl: string;
  readonly token: string;
  readonly email: string;
  readonly privateKey: KeyObject;
  readonly publicKeyPem: string;
}

/** Asks for a certificate as a client does: token, key, and the proof of possession over the address. */
export async function requestCertificate(wish: CertificateRequest): Promise<ParsedCertificate> {
  const body = {
    credentials: { oidcIdentityToken: wish.token },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: wish.publicKeyPem },
      proofOfPossession: sign('sha256', Buffer.from(wish.email), wish.privateKey).toString('base64'),
    },
  };
  const answer = await request(`${wish.caUrl}/api/v2/signingCert`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  demand(answer.status === 200, PART, `answered ${answer.status}: ${answer.bytes.toString('utf8').slice(0, 300)}`);
  const embedded = asJson(PART, parseJson(PART, answer.bytes)['signedCertificateEmbeddedSct']);
  const [leafPem] = asList(PART, asJson(PART, embedded['chain'])['certificates']);
  const leaf = decodePem(asText(PART, leafPem))[0];
  demand(leaf !== undefined, PART, 'no certificate in the answer');
  return parseCertificate(leaf.bytes);
}

/** Chain, identity, validity and the CT log's promise, against published trust material only. */
export function checkCertificate(leaf: ParsedCertificate, trust: VerificationModel, email: string): void {
  const chains = trust.certificateAuthorities.map((authority) => authority.chain.map((der) => parseCertificate(der)));
  const chain = chains.find(([issuer]) => issuer !== undefined && isIssuedBy(leaf, issuer));
  const [issuer] = chain ?? [];
  demand(issuer !== undefined && chain !== undefined, PART, 'the certificate is not from a published chain');
  chain.forEach((link, at) => demand(isIssuedBy(link, chain[at + 1] ?? link), PART, 'the published chain is broken'));
  const names = subjectAltNames(leaf)?.names ?? [];
  const named = names.length === 1 && names[0]?.type === 1 && Buffer.from(names[0].content).toString() === email;
  demand(named, PART, 'the certificate names somebody else');
  const nowMs = Date.now();
  // Whole seconds on both ends, read from the same clock.
  demand(leaf.notBeforeMs <= nowMs && nowMs <= leaf.notAfterMs, PART, 'the certificate is not valid now');
  checkSct(leaf, issuer, trust);
}

function checkSct(leaf: ParsedCertificate, issuer: ParsedCertificate, trust: VerificationModel): void {
  const extension = findExtension(leaf, Oid.ctSctList);
  demand(extension !== undefined, PART, 'the certificate has no SCT');
  const scts = decodeSctList(readDer(extension.value).octetString());
  const entry = {
    type: 'precert' as const,
    issuerKeyHash: sha256(issuer.spki),
    tbs: tbsWithoutExtension(leaf, Oid.ctSctList),
  };
  for (const sct of scts) {
    const log = trust.ctlogs.find(({ spki }) => sameBytes(sha256(spki), sct.logId));
    demand(log !== undefined, 'the CT log', 'an SCT is from no published log');
    const message = sctSignatureInput({ timestampMs: sct.timestampMs, entry, extensions: sct.extensions });
    demand(
      verifyCtSignature(publicKeyFromSpki(log.spki), message, sct.signature),
      'the CT log',
      'an SCT does not verify',
    );
  }
}
