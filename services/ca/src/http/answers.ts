import { encodePem } from '@sigstead/formats';
import { grpcError, type Logger, sendServiceError, ServiceError } from '@sigstead/platform';
import type { FastifyReply } from 'fastify';
import { CaError, type CaErrorCode } from '../core/errors.ts';
import type { IssuedLeaf } from '../core/issuance/issue.ts';
import type { IssuingCa } from '../core/issuance/issuing-ca.ts';
import type { ResolvedIssuer } from '../config.ts';
import { MessageError } from './messages.ts';

/** HTTP status and gRPC code of each refusal. Upstream answers 400 to whatever is wrong with a token or key. */
function statusOf(code: CaErrorCode): { http: number; grpc: number } {
  switch (code) {
    case 'identity_token':
    case 'public_key_unparsable':
    case 'public_key_insecure':
    case 'proof_invalid':
    case 'csr_unparsable':
    case 'algorithm_unrecognized':
    case 'algorithm_not_permitted':
    case 'identity_unusable':
      return { http: 400, grpc: 3 };
    case 'ct_refused':
    case 'signer_failed':
    case 'lint_failed':
      return { http: 500, grpc: 13 };
    // What a later try may cure; upstream hangs or says 400 here, and clients do not try again.
    case 'ct_unavailable':
    case 'record_failed':
      return { http: 503, grpc: 14 };
  }
}

/** Answers an error with the client's text, logs the operator's detail, and gives the reason for the metric. */
export function sendFailure(reply: FastifyReply, error: unknown, logger: Logger): string {
  if (error instanceof MessageError) {
    grpcError(reply, 400, 3, error.message);
    return 'message';
  }
  if (error instanceof ServiceError) {
    sendServiceError(reply, error);
    return error.code;
  }
  if (!(error instanceof CaError)) throw error;
  const { http, grpc } = statusOf(error.code);
  const fields = { reason: error.code, detail: error.detail ?? error.message, cause: error.cause };
  if (http >= 500) logger.error(fields, 'certificate not issued');
  else logger.info(fields, 'request refused');
  grpcError(reply, http, grpc, error.message);
  return error.code;
}

/** Leaf first, root last, without final newlines. */
export function chainOf(ca: IssuingCa, leaf: Uint8Array): string[] {
  return [encodePem('CERTIFICATE', leaf), ...ca.chainPem].map((pem) => pem.trim());
}

/** SPEC: fulcio.proto SigningCertificate. Without a log the detached form stands with an empty SCT. */
export function v2Answer(ca: IssuingCa, issued: IssuedLeaf): object {
  const chain = { certificates: chainOf(ca, issued.leaf) };
  if (issued.hasSct) return { signedCertificateEmbeddedSct: { chain } };
  return { signedCertificateDetachedSct: { chain, signedCertificateTimestamp: '' } };
}

/** SPEC: fulcio.proto Configuration; empty texts and false are present. */
export function configurationAnswer(issuers: readonly ResolvedIssuer[]): object {
  return {
    issuers: issuers.map((issuer) => ({
      [issuer.isMeta ? 'wildcardIssuerUrl' : 'issuerUrl']: issuer.url,
      audience: issuer.audience,
      challengeClaim: issuer.challengeClaim,
      spiffeTrustDomain: issuer.spiffeTrustDomain,
      issuerType: issuer.type,
      subjectDomain: issuer.subjectDomain,
      skipEmailVerification: issuer.skipEmailVerification,
    })),
  };
}
