import type { ParsedKey } from '@sigstead/formats';
import { CaError } from '../errors.ts';
import type { CertificateIdentity } from '../identity/principal.ts';
import type { Clock, IssuanceStore, RandomBytes } from '../ports.ts';
import { type CtLog, sctListOf, submit } from './ct.ts';
import type { IssuingCa } from './issuing-ca.ts';
import { lint } from './permit.ts';
import { recordPermit, type RecordedPermit, signRecorded } from './sign.ts';
import { type LeafTbs, leafTbs } from './tbs.ts';
import { type LeafTemplate, leafTemplate } from './template.ts';
import type { LintExpectation } from './lint-rules.ts';

export interface IssuerDependencies {
  readonly ca: IssuingCa;
  readonly store: IssuanceStore;
  /** Absent: certificates without SCT, which the operator chose in so many words. */
  readonly ct: CtLog | undefined;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** What a certificate is asked for; all of it verified. */
export interface IssuanceRequest {
  readonly identity: CertificateIdentity;
  readonly key: ParsedKey;
  readonly tokenSha256: Uint8Array;
  /** Aborted when the client's own time is over. */
  readonly signal?: AbortSignal | undefined;
}

export interface IssuedLeaf {
  /** DER. */
  readonly leaf: Uint8Array;
  readonly hasSct: boolean;
}

/**
 * Prepare → lint → permit → record → sign, for the precertificate and again for the certificate; between the two the
 * log's SCT, verified over the exact precertificate. A failure at any step leaves nothing but records.
 * SPEC: RFC 6962 §3.1
 */
export async function issueLeaf(deps: IssuerDependencies, request: IssuanceRequest): Promise<IssuedLeaf> {
  const { ca, clock, random } = deps;
  const template = leafTemplate({ ca, key: request.key, identity: request.identity, nowMs: clock.nowMs(), random });
  if (template.notAfterMs <= template.notBeforeMs) {
    throw new CaError('signer_failed', { detail: 'the issuing CA certificate has expired' });
  }
  const forms = leafTbs(template);
  if (deps.ct === undefined) {
    const plain = await permitAndRecord(deps, request, forms.plain(), { template, last: 'none' });
    return { leaf: await signRecorded(plain, ca), hasSct: false };
  }
  const sctList = await logPrecertificate(deps, request, { log: deps.ct, template, forms });
  const final = await permitAndRecord(deps, request, forms.final(sctList), { template, last: { sctList } });
  return { leaf: await signRecorded(final, ca), hasSct: true };
}

/** The log's promise for this certificate, as the SCT list that goes into it. */
async function logPrecertificate(
  deps: IssuerDependencies,
  request: IssuanceRequest,
  what: { log: CtLog; template: LeafTemplate; forms: LeafTbs },
): Promise<Uint8Array> {
  const { log, template, forms } = what;
  const recorded = await permitAndRecord(deps, request, forms.precertificate(), { template, last: 'poison' });
  const precertificate = await signRecorded(recorded, deps.ca);
  const sct = await submit(log, {
    chain: [precertificate, ...deps.ca.chain],
    tbs: forms.plain(),
    issuerKeySha256: deps.ca.keySha256,
    nowMs: () => deps.clock.nowMs(),
    signal: request.signal,
  });
  return sctListOf(sct);
}

function permitAndRecord(
  deps: IssuerDependencies,
  request: IssuanceRequest,
  tbs: Uint8Array,
  expected: LintExpectation,
): Promise<RecordedPermit> {
  const { store, ca } = deps;
  return recordPermit(lint(tbs, expected), { store, ca, tokenSha256: request.tokenSha256 });
}
