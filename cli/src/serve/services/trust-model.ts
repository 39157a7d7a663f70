import {
  parseCertificate,
  type SigningService,
  type TrustedAuthority,
  type TrustedLog,
  type TrustModel,
  type ValidityWindow,
} from '@sigstead/formats';
import type { ServeFile } from '../config/sections.ts';
import type { Materials } from './materials.ts';
import { type ShardInput, type ShardPhase, shardPhases } from './shards.ts';

/** Path of timestamp requests below a timestamp authority's URL. SPEC: sigstore timestamp-authority openapi.yaml */
export const TIMESTAMP_PATH = '/api/v1/timestamp';

type Authority = TrustedAuthority & { sign: boolean };
type Log<K extends 'rekor-v2' | 'ct'> = TrustedLog<K> & { sign: boolean };

/**
 * Everything a client has to know, past and present, from the configuration and the files it names. No clock takes part, so every
 * worker and every machine derives the same model, at every start: a chain counts from the start of its own first certificate, a log
 * from the earliest start of any chain (what is not signed under a chain has no use for it), unless validFrom says otherwise. How far a
 * rotation has come is taken from what is `published`; a `step` goes one further. The publisher refuses a model in which something
 * that was published is gone or starts later.
 */
export function trustModelOf(
  file: ServeFile,
  materials: Materials,
  rotation: Pick<ShardInput, 'published' | 'step'> = {},
): TrustModel {
  const { tuf } = file;
  if (tuf === undefined) throw new TypeError('no tuf in the configuration');
  const certificateAuthorities = authoritiesOf(file, materials, 'ca');
  const timestampAuthorities = authoritiesOf(file, materials, 'tsa');
  const starts = [...certificateAuthorities, ...timestampAuthorities].map(({ validFor }) => validFor.startMs);
  const earliestMs = Math.min(...starts);
  const phases = shardPhases({ file, materials, ...rotation });
  const tlogs = logsOf(file, materials, { kind: 'rekor-v2', earliestMs, phases });
  const firstMs = Math.min(earliestMs, ...tlogs.map(({ validFor }) => validFor.startMs));
  const since = { startMs: Number.isFinite(firstMs) ? firstMs : 0 };
  const authority = ({ sign: _sign, ...rest }: Authority): TrustedAuthority => rest;
  return {
    operator: tuf.operator,
    certificateAuthorities: certificateAuthorities.map(authority),
    tlogs: tlogs.map(({ sign: _sign, ...rest }) => rest),
    ctlogs: logsOf(file, materials, { kind: 'ct', earliestMs }).map(({ sign: _sign, ...rest }) => rest),
    timestampAuthorities: timestampAuthorities.map(authority),
    signing: {
      ca: certificateAuthorities.filter(({ sign }) => sign).map(({ uri, validFor }) => service(uri, 1, validFor)),
      oidc: tuf.oidcUrls.map((url) => service(url, 1, since)),
      rekor: tlogs.filter(({ sign }) => sign).map(({ baseUrl, validFor }) => service(baseUrl, 2, validFor)),
      tsa: timestampAuthorities.filter(({ sign }) => sign).map(({ uri, validFor }) => service(uri, 1, validFor)),
    },
  };
}

function service(url: string, majorApiVersion: number, validFor: ValidityWindow): SigningService {
  return { url, majorApiVersion, validFor };
}

function authoritiesOf(file: ServeFile, materials: Materials, part: 'ca' | 'tsa'): Authority[] {
  const own = file[part];
  const chain = materials[part]?.chain;
  const list = part === 'ca' ? 'certificateAuthorities' : 'timestampAuthorities';
  const others = file.tuf?.alsoTrust?.[list] ?? [];
  return [
    ...(own === undefined || chain === undefined
      ? []
      : [
          {
            uri: part === 'tsa' ? `${own.publicUrl}${TIMESTAMP_PATH}` : own.publicUrl,
            chain,
            validFor: window(own, startOf(chain)),
            sign: true,
          },
        ]),
    ...others.map((one, i) => {
      const theirs = materials.alsoTrust[list][i] ?? [];
      return { uri: one.url, chain: theirs, validFor: window(one, startOf(theirs)), sign: one.sign };
    }),
  ];
}

function logsOf<K extends 'rekor-v2' | 'ct'>(
  file: ServeFile,
  materials: Materials,
  { kind, earliestMs, phases }: { kind: K; earliestMs: number; phases?: ReadonlyMap<string, ShardPhase> },
): Log<K>[] {
  const list = kind === 'ct' ? 'ctLogs' : 'rekorLogs';
  const own = file.logs
    .filter((log) => log.kind === kind && phases?.get(log.name)?.listed !== false)
    .map((log): Log<K> => {
      const spki = materials.logs.get(log.name)?.signer.spki ?? new Uint8Array();
      const phase = phases?.get(log.name);
      const given = { validFrom: log.validFrom, validUntil: phase?.endMs };
      const validFor = window(given, phase?.startMs ?? earliestMs);
      return { kind, baseUrl: log.publicUrl, spki, validFor, sign: phase?.sign ?? !log.readOnly };
    });
  const others = (file.tuf?.alsoTrust?.[list] ?? []).map((one, i): Log<K> => {
    const spki = materials.alsoTrust[list][i] ?? new Uint8Array();
    const sign = 'sign' in one && one.sign === true;
    return { kind, baseUrl: one.url, spki, validFor: window(one, earliestMs), sign };
  });
  return [...own, ...others].map((log) => (kind === 'ct' ? log : { ...log, origin: new URL(log.baseUrl).hostname }));
}

function window(
  given: { validFrom: number | undefined; validUntil?: number | undefined },
  startMs: number,
): ValidityWindow {
  const endMs = given.validUntil;
  return { startMs: given.validFrom ?? startMs, ...(endMs === undefined ? {} : { endMs }) };
}

/** Nothing was signed under a chain before its first certificate began. */
function startOf(chain: readonly Uint8Array[]): number {
  const [first] = chain;
  return first === undefined ? 0 : parseCertificate(first).notBeforeMs;
}
