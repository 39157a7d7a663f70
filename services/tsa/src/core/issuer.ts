import type { Signer } from '@sigstead/keys';
import type { TsaChain } from './chain.ts';
import { Outage } from './errors.ts';
import type { GenTimeSource } from './gen-time.ts';
import type { RandomBytes } from './ports.ts';
import type { AcceptedRequest } from './request.ts';
import type { SelfCheck } from './self-check.ts';
import { newSerial } from './serial.ts';
import type { SignatureScheme } from './signature-schemes.ts';
import { finishToken, prepareToken, type TokenFacts } from './token.ts';

export interface IssuerParts {
  chain: TsaChain;
  scheme: SignatureScheme;
  signer: Signer;
  genTime: GenTimeSource;
  random: RandomBytes;
  selfCheck: SelfCheck;
  /** Put the whole chain, not only the leaf, into tokens whose request asks for certificates. */
  includeChain: boolean;
  /** Milliseconds a signature may take. */
  signTimeoutMs: number;
}

/** Makes the DER TimeStampResp for an accepted request, or throws Outage. Nothing unsigned or unchecked is returned. */
export type Issue = (request: AcceptedRequest) => Promise<Uint8Array>;

export function createIssuer(parts: IssuerParts): Issue {
  const { chain, scheme, selfCheck } = parts;
  const included = parts.includeChain ? chain.certificates : [chain.leaf];
  const ders = included.map((certificate) => certificate.der);
  return async (request) => {
    const genTimeMs = await parts.genTime.next();
    if (genTimeMs < chain.notBeforeMs || genTimeMs > chain.notAfterMs)
      throw new Outage('outside_validity', 'a certificate of the chain is not valid now; rotate it');
    const facts: TokenFacts = { request, serial: newSerial(parts.random), genTimeMs };
    const unsigned = prepareToken(facts, chain, scheme);
    const signature = await sign(parts, unsigned.signedAttributes);
    const certificates = request.certReq ? ders : [];
    const response = finishToken({ unsigned, signature, chain, scheme, certificates });
    selfCheck(response, facts);
    return response;
  };
}

async function sign({ signer, signTimeoutMs }: IssuerParts, message: Uint8Array): Promise<Uint8Array> {
  try {
    const signature = signer.sign(message);
    return signature instanceof Uint8Array ? signature : await within(signTimeoutMs, signature);
  } catch (cause) {
    if (cause instanceof Outage) throw cause;
    throw new Outage('signer_failed', 'the key gave no signature', cause);
  }
}

/** The key's answer, or Outage `signer_timeout`; an answer that comes later is dropped. */
async function within(timeoutMs: number, signature: Promise<Uint8Array>): Promise<Uint8Array> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Outage('signer_timeout', `no signature in ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([signature, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
